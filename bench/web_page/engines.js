/* Starts an engine, calls it and times it, in Node and in a page: see bench/web.py. */

const ENGINES = {
  edgeae: (job) => own(job, true),
  "edgeae, plain": (job) => own(job, false),
  "onnxruntime-web": onnx,
  "LiteRT.js": litert,
};

async function own({ type }, simd) {
  const package_ = await import("./package/index.js");
  const part = await package_[type].load({ simd });
  return (input) => part.run(input);
}

async function onnx({ onnx, shape }) {
  const file = typeof process === "object" ? "ort.node.min.mjs" : "ort.wasm.min.mjs";
  const ort = await import(`./node_modules/onnxruntime-web/dist/${file}`);
  ort.env.wasm.numThreads = 1;
  const session = await ort.InferenceSession.create(await content(onnx));
  const [given] = session.inputNames;
  const [target] = session.outputNames;
  return async (input) => {
    const outputs = await session.run({ [given]: new ort.Tensor("int8", input, shape) });
    return outputs[target].data;
  };
}

/* Its tensors hold float32, int32 or uint8: the file has float32 at its edges. */
async function litert({ tflite, shape, source, target }) {
  const { loadAndCompile, loadLiteRt, Tensor } = await import("@litertjs/core");
  await loadLiteRt("/node_modules/@litertjs/core/wasm/");
  const model = await loadAndCompile(await content(tflite), { accelerator: "wasm" });
  const reals = new Float32Array(shape[1]);
  return async (input) => {
    input.forEach((value, index) => (reals[index] = source.scale * (value - source.zeroPoint)));
    const tensor = new Tensor(reals, shape);
    const [output] = await model.run(tensor);
    const values = output.toTypedArray();
    const steps = Int8Array.from(values, (real) => Math.round(real / target.scale) + target.zeroPoint);
    tensor.delete();
    output.delete();
    return steps;
  };
}

async function content(path) {
  if (typeof process === "object") {
    const { readFile } = await import("node:fs/promises");
    return new Uint8Array(await readFile(path));
  }
  return new Uint8Array(await (await fetch(path)).arrayBuffer());
}

/* Returns the first answer, milliseconds until then, and microseconds a call of some blocks. */
export async function measure(job) {
  const input = Int8Array.from(job.input);
  const began = performance.now();
  const run = await ENGINES[job.engine](job);
  const output = [...(await run(input))];
  const start_ms = performance.now() - began;
  const sync = job.engine.startsWith("edgeae");
  const call_us = [];
  await block(run, input, sync, job.calls);
  for (let round = 0; round < job.blocks; round++) {
    call_us.push(await block(run, input, sync, job.calls));
  }
  return { start_ms, call_us, output };
}

async function block(run, input, sync, calls) {
  const start = performance.now();
  if (sync) {
    for (let call = 0; call < calls; call++) {
      run(input);
    }
  } else {
    for (let call = 0; call < calls; call++) {
      await run(input);
    }
  }
  return ((performance.now() - start) * 1000) / calls;
}

/* Runs a part of the package on all inputs, one after the other in an array. */
export async function runAll(type, simd, inputs, size) {
  const package_ = await import("./package/index.js");
  const part = await package_[type].load({ simd });
  const outputs = [];
  for (let row = 0; row < inputs.length; row += size) {
    outputs.push(part.run(inputs.subarray(row, row + size)));
  }
  return outputs;
}
