// Opens the WebAssembly modules of the recipes, runs them, and times them.

const ARRAYS = { int8: Int8Array, uint8: Uint8Array, int16: Int16Array, float32: Float32Array };
/** Milliseconds that a timed block lasts at least: the clock of a page moves in steps. */
const BLOCK_MS = 6;

/** Returns the bytes of a module from its base64 text, which is packed with gzip. */
async function unpacked(text) {
  const letters = atob(text.trim());
  const packed = new Uint8Array(letters.length);
  for (let at = 0; at < letters.length; at++) packed[at] = letters.charCodeAt(at);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

/**
 * Opens a recipe's module.
 * @returns {Promise<Object>} part → its input and output as typed arrays in the module's memory,
 *   and `run`, which computes the output from the input.
 */
async function opened(recipe, text) {
  const { instance } = await WebAssembly.instantiate(await unpacked(text), {});
  const { exports } = instance;
  const parts = {};
  for (const [name, spec] of Object.entries(recipe.parts)) {
    const view = (edge) => {
      const { type, size } = spec[edge];
      return new ARRAYS[type](exports.memory.buffer, exports[`model_${name}_${edge}`](), size);
    };
    parts[name] = { input: view("input"), output: view("output"), run: exports[`model_${name}_run`] };
  }
  return parts;
}

/** Runs a part on some values and returns a copy of its output. */
function ran(part, values) {
  part.input.set(values);
  part.run();
  return part.output.slice();
}

/** Returns the real values of integers, or of floats as they are. */
function reals(values, { scale, zero }) {
  if (scale === null) return Float64Array.from(values);
  return Float64Array.from(values, (value) => scale * (value - zero));
}

/** Returns the microseconds that one run of a part takes, on the input that it holds. */
function microseconds(part) {
  part.run();
  let best = Infinity;
  for (let calls = 1, blocks = 0; blocks < 3; ) {
    const start = performance.now();
    for (let at = 0; at < calls; at++) part.run();
    const spent = performance.now() - start;
    if (spent < BLOCK_MS) calls *= spent > 1 ? Math.ceil(BLOCK_MS / spent) + 1 : 8;
    else {
      best = Math.min(best, (spent / calls) * 1000);
      blocks++;
    }
  }
  return best;
}
