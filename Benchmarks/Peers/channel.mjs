// Node: a MessageChannel between two threads. `node channel.mjs WHAT SIZE SECONDS`

import { MessageChannel, Worker, isMainThread, parentPort, workerData } from "node:worker_threads";
import { measure, pin, checkStamp } from "./measure.mjs";

if (isMainThread) {
    // Two threads of one process: either may use both processors.
    pin();
    const { port1, port2 } = new MessageChannel();
    const worker = new Worker(new URL(import.meta.url), { workerData: { port: port2 }, transferList: [port2] });
    await new Promise((resolve) => worker.once("online", resolve));
    await measure("Node MessageChannel", {
        post: (message) => port1.postMessage(message),
        onMessage: (handler) => port1.on("message", handler),
    });
    process.exit(0);
} else {
    const { port } = workerData;
    let expected = 0;
    port.on("message", ({ wanted, bytes, note }) => {
        if (wanted === "post") checkStamp(bytes, expected++);
        else if (wanted === "echo") port.postMessage({ bytes, note });
        else port.postMessage({});
    });
}
