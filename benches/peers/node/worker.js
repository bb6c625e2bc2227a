// A worker for one call; `hold` keeps it alive afterwards, for how much memory it holds.
'use strict';
const { parentPort, workerData } = require('node:worker_threads');
const answer = require('./work.js')[workerData.work](workerData.input);
parentPort.postMessage(answer);
if (workerData.hold) setInterval(() => globalThis.kept = [workerData.input, answer], 1 << 30);
