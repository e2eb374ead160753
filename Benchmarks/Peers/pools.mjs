// Node's workers in a pool as one writes it by hand: `node pools.mjs threads|fork WHAT SIZE SECONDS`

import { fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { Worker, isMainThread, parentPort } from "node:worker_threads";
import { checkStamp, now, quantile, stamp } from "./measure.mjs";

const [which, what] = process.argv.slice(2);
const [size, seconds] = process.argv.slice(4).map(Number);
// How many tasks at a time, and how many that are all given at once.
const [underWay, all] = [64, 4000];

// What workers do.

const tasks = {
    nothing: () => undefined,
    echo: ({ bytes, number }) => {
        checkStamp(bytes, number);
        return bytes;
    },
    // 1 ms of the processor's time. A thread of Node cannot ask how much it has had, so it counts.
    work: () => count(rounds),
    calibrate: () => {
        for (let tries = 0; tries < 50; tries++) {
            const begin = now();
            count(rounds);
            rounds = Math.round((rounds * 1000) / (now() - begin));
            best = Math.max(best, rounds);
        }
        rounds = best;
    },
};
let [rounds, best] = [100_000, 0];

function count(rounds) {
    let sum = 0;
    for (let n = 0; n < rounds; n++) sum = (sum * 31 + n) | 0;
    return sum;
}

// The two kinds of workers, alike.

const kinds = {
    threads: {
        name: "Node worker_threads",
        start: () => new Worker(new URL(import.meta.url), { argv: process.argv.slice(2) }),
        post: (worker, task, buffers) => worker.postMessage(task, buffers),
        end: (worker) => worker.terminate(),
    },
    fork: {
        name: "Node fork",
        // JSON is the faster one for what is short, and cannot carry bytes.
        start: () =>
            fork(new URL(import.meta.url), process.argv.slice(2), {
                serialization: what === "poolbulk" ? "advanced" : "json",
            }),
        post: (worker, task) => worker.send(task),
        end: (worker) => new Promise((resolve) => worker.once("exit", resolve).kill()),
    },
};

class Pool {
    constructor(kind, count) {
        this.kind = kind;
        this.workers = Array.from({ length: count }, () => this.start());
        this.free = [...this.workers];
        this.queue = [];
    }

    start() {
        const worker = this.kind.start();
        worker.on("message", (answer) => {
            const { resolve } = worker.task;
            const next = this.queue.shift();
            if (next) this.give(worker, next);
            else this.free.push(worker);
            resolve(answer.result);
        });
        worker.on("error", (error) => worker.task?.reject(error));
        return worker;
    }

    /// The worker that was free last takes it.
    run(type, value, buffers) {
        return new Promise((resolve, reject) => {
            const task = { type, value, buffers, resolve, reject };
            const worker = this.free.pop();
            if (worker) this.give(worker, task);
            else this.queue.push(task);
        });
    }

    give(worker, task) {
        worker.task = task;
        this.kind.post(worker, { type: task.type, value: task.value }, task.buffers);
    }

    end() {
        return Promise.all(this.workers.map((worker) => this.kind.end(worker)));
    }
}

// The measurements.

/// How long tasks take, one at a time, in microseconds; the first ones do not count.
async function samples(submit) {
    const found = [];
    const end = now() + seconds * 1e6;
    for (let number = 0; ; number++) {
        const begin = now();
        if (begin > end && number >= 120) return found;
        await submit(number);
        if (number >= 20) found.push(now() - begin);
    }
}

async function one(pool) {
    const found = await samples(() => pool.run("nothing"));
    report("poolone rate", "per_s", (1e6 * found.length) / found.reduce((a, b) => a + b));
    report("poolone", "us", quantile(found, 0.5));
    report("poolone p99", "us", quantile(found, 0.99));
}

async function many(pool) {
    await Promise.all(Array.from({ length: underWay }, () => pool.run("nothing")));
    const begin = now();
    let number = 0;
    const asking = Array.from({ length: underWay }, async () => {
        while (now() < begin + seconds * 1e6) {
            await pool.run("nothing");
            number++;
        }
    });
    await Promise.all(asking);
    report("poolmany", "per_s", (1e6 * number) / (now() - begin));
    const beginOfAll = now();
    await Promise.all(Array.from({ length: all }, () => pool.run("nothing")));
    report("poolmany all", "per_s", (1e6 * all) / (now() - beginOfAll));
}

async function bulk(pool) {
    const there = async (number, bytes, buffers) => {
        stamp(bytes, number);
        const answer = await pool.run("echo", { bytes, number }, buffers);
        checkStamp(answer, number);
        return answer;
    };
    const bytes = Buffer.alloc(size);
    report("poolbulk", "us", quantile(await samples((number) => there(number, bytes)), 0.5));
    if (which !== "threads") return;
    // Memory that both threads see, and that nothing copies.
    const shared = Buffer.from(new SharedArrayBuffer(size));
    report("poolbulk shared", "us", quantile(await samples((number) => there(number, shared)), 0.5));
}

async function work(pool) {
    // Each worker measures for itself, and both have to: one by one they would go to the same.
    await Promise.all(pool.workers.map(() => pool.run("calibrate")));
    const begin = now();
    await Promise.all(Array.from({ length: 1000 }, () => pool.run("work")));
    report("poolwork", "part", 1e6 / size / (now() - begin));
}

async function first(kind) {
    const found = [];
    for (let tries = 0; tries < size; tries++) {
        const begin = now();
        const pool = new Pool(kind, 1);
        await pool.run("nothing");
        found.push(now() - begin);
        await pool.end();
    }
    report("poolfirst", "us", quantile(found, 0.5));
}

async function idle(kind) {
    const pools = [await warm(kind, size)];
    const before = resident();
    pools.push(await warm(kind, size));
    report("poolidle", "B", (resident() - before) / size);
    await Promise.all(pools.map((pool) => pool.end()));
}

async function warm(kind, count) {
    const pool = new Pool(kind, count);
    await Promise.all(Array.from({ length: 10 * count }, () => pool.run("nothing")));
    return pool;
}

function resident() {
    return Number(readFileSync("/proc/self/statm", "utf8").split(" ")[1]) * 4096;
}

function report(what, unit, value) {
    console.log(JSON.stringify({ peer: kinds[which].name, what, size, unit, value }));
}

if (!isMainThread) {
    parentPort.on("message", ({ type, value }) => parentPort.postMessage({ result: tasks[type](value) }));
} else if (process.send) {
    process.on("message", ({ type, value }) => process.send({ result: tasks[type](value) }));
} else {
    const kind = kinds[which];
    if (what === "poolfirst" || what === "poolidle") await { poolfirst: first, poolidle: idle }[what](kind);
    else {
        const pool = new Pool(kind, what === "poolbulk" ? 1 : size);
        await { poolone: one, poolmany: many, poolbulk: bulk, poolwork: work }[what](pool);
    }
    process.exit(0);
}
