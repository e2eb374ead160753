// What the two peers in Node share: placement, stamps, and the measurements themselves, as in C/peer.h.

import { execFileSync } from "node:child_process";

const [what, size, seconds] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];

/// Node cannot pin itself: taskset does, all threads of this process. Without a side to all of BENCH_CPUS.
export function pin(side) {
    const cpus = (process.env.BENCH_CPUS ?? "").split(",").filter(Boolean);
    if (cpus.length === 0) return;
    const here = side === undefined ? cpus.join(",") : (cpus[side] ?? cpus[0]);
    execFileSync("taskset", ["-acp", here, String(process.pid)], { stdio: "ignore" });
}

export function stamp(bytes, number) {
    bytes.writeUInt32LE(number, 0);
    bytes.writeUInt32LE(number, bytes.length - 4);
}

export function checkStamp(bytes, number) {
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    if (view.readUInt32LE(0) === number && view.readUInt32LE(view.length - 4) === number) return;
    console.error(`message ${number} did not arrive intact`);
    process.exit(1);
}

export const now = () => Number(process.hrtime.bigint()) / 1000;

function report(peer, unit, value) {
    console.log(JSON.stringify({ peer, what, size, unit, value }));
}

export function quantile(values, part) {
    values.sort((a, b) => a - b);
    return values[Math.floor((values.length - 1) * part)];
}

/// `line` posts {wanted, bytes, note} and hears what comes back.
export async function measure(peer, line) {
    let arrived;
    line.onMessage((message) => arrived(message));
    const answer = () => new Promise((resolve) => (arrived = resolve));
    const bytes = Buffer.alloc(size);
    if (what === "oneway") {
        const begin = now();
        let number = 0;
        do {
            for (let burst = 0; burst < 1000; burst++) {
                stamp(bytes, number++);
                line.post({ wanted: "post", bytes });
            }
            // Its queue has no end: wait for the other side now and then.
            const caughtUp = answer();
            line.post({ wanted: "answer" });
            await caughtUp;
        } while (now() - begin < seconds * 1e6);
        return report(peer, "per_s", (number / (now() - begin)) * 1e6);
    }
    const samples = [];
    const end = now() + seconds * 1e6;
    for (let number = 0; now() < end || number < 24; number++) {
        const begin = now();
        const back = answer();
        if (what === "json") {
            const note = { id: number, name: "a note of some length", isDone: false };
            line.post({ wanted: "echo", note });
            const message = await back;
            if (JSON.stringify(message.note) !== JSON.stringify(note)) process.exit(1);
        } else {
            stamp(bytes, number);
            line.post({ wanted: what === "roundtrip" ? "echo" : "answer", bytes });
            const message = await back;
            if (what === "roundtrip") checkStamp(message.bytes, number);
        }
        if (number >= 20 || what === "bulk") samples.push(now() - begin);
    }
    const median = quantile(samples, 0.5);
    if (what === "bulk") report(peer, "GiB_s", size / (median / 1e6) / 2 ** 30);
    else report(peer, "us", median);
}
