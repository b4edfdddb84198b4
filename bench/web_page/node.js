/* Measures an engine in Node: `node node.js`, the job on standard input. */
import { readFileSync } from "node:fs";

import { measure, runAll } from "./engines.js";

const job = JSON.parse(readFileSync(0, "utf-8"));
if (job.engine) {
  console.log(JSON.stringify(await measure(job)));
} else {
  const inputs = new Int8Array(readFileSync(job.inputs));
  const outputs = await runAll(job.type, job.simd, inputs, job.size);
  process.stdout.write(Buffer.concat(outputs.map((item) => Buffer.from(item.buffer))));
}
