// Node's side: a worker thread for each call, hashed as the others are. Takes a folder of inputs named
// `<work>@<size>`, and prints one line of JSON.
'use strict';
const { readFileSync, readdirSync } = require('node:fs');
const { createHash } = require('node:crypto');
const { Worker } = require('node:worker_threads');
const path = require('node:path');

const [folder, seconds] = [process.argv[2], Number(process.argv[3])];
const file = path.join(__dirname, 'worker.js');

// From the request until the worker is gone.
function once(work, input) {
  return new Promise((resolve, reject) => {
    let answer;
    const worker = new Worker(file, { workerData: { work, input } });
    worker.once('message', (message) => { answer = message; });
    worker.once('error', reject);
    worker.once('exit', () => {
      for (const text of [input, answer]) createHash('sha256').update(text).digest();
      resolve(answer);
    });
  });
}

// So many calls at a time for so long; each call's microseconds.
async function drive(work, input, callers, ms) {
  const took = [];
  const started = process.hrtime.bigint();
  const until = Date.now() + ms;
  const caller = async () => {
    while (Date.now() < until) {
      const begun = process.hrtime.bigint();
      await once(work, input);
      took.push(Number(process.hrtime.bigint() - begun) / 1e3);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  const all = Number(process.hrtime.bigint() - started) / 1e9;
  return { took: took.sort((a, b) => a - b), rate: took.length / all };
}

// What sixteen workers hold that have done their work and live on.
async function held(input) {
  const before = process.memoryUsage.rss();
  const workers = [];
  for (let n = 0; n < 16; n++) {
    const worker = new Worker(file, { workerData: { work: 'echo', input, hold: true } });
    await new Promise((resolve) => worker.once('message', resolve));
    workers.push(worker);
  }
  const each = (process.memoryUsage.rss() - before) / 16;
  await Promise.all(workers.map((worker) => worker.terminate()));
  return each;
}

async function main() {
  const cells = [], answers = {}, memory = {};
  for (const name of readdirSync(folder)) {
    const [work, size] = name.split('@');
    const input = readFileSync(path.join(folder, name), 'utf8');
    answers[name] = await once(work, input);
    for (let n = 0; n < 3; n++) await once(work, input);
    const cpu = process.cpuUsage();
    const one = await drive(work, input, 1, seconds * 1e3);
    const used = process.cpuUsage(cpu);
    const two = await drive(work, input, 2, seconds * 500);
    const at = (percent) => one.took[Math.floor((one.took.length - 1) * percent / 100)];
    cells.push({ work, size, calls: one.took.length, p50: at(50), p99: at(99), rates: [one.rate, two.rate],
      cpu: (used.user + used.system) / one.took.length });
  }
  for (const size of ['0 B', '4 KiB', '64 KiB', '1 MiB']) {
    memory[size] = await held(readFileSync(path.join(folder, `echo@${size}`), 'utf8'));
  }
  console.log(JSON.stringify({ node: process.version, cells, answers, memory }));
}

main();
