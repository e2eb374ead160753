// Node: child_process.fork, whose messages are JSON; bytes go as base64. `node fork.mjs WHAT SIZE SECONDS`

import { fork } from "node:child_process";
import { measure, pin, checkStamp } from "./measure.mjs";

if (!process.send) {
    pin(0);
    const child = fork(new URL(import.meta.url), process.argv.slice(2), { serialization: "json" });
    const decoded = ({ bytes, note }) => ({ bytes: bytes && Buffer.from(bytes, "base64"), note });
    await measure("Node fork, JSON", {
        post: ({ wanted, bytes, note }) => child.send({ wanted, note, bytes: bytes?.toString("base64") }),
        onMessage: (handler) => child.on("message", (message) => handler(decoded(message))),
    });
    child.kill();
    process.exit(0);
} else {
    pin(1);
    let expected = 0;
    process.on("message", ({ wanted, bytes, note }) => {
        if (wanted === "post") checkStamp(Buffer.from(bytes, "base64"), expected++);
        else if (wanted === "echo") process.send({ bytes, note });
        else process.send({});
    });
}
