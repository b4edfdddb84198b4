/* The golden vectors of $title, and their check. */
import * as model from "./index.js";
import { decoded } from "./runtime.js";

/* Part → the name of its class, and its inputs and outputs in base64, one after the other. */
const VECTORS = $vectors;

export const parts = Object.keys(VECTORS);

const KINDS = {
  float32: Float32Array,
  int16: Int16Array,
  int8: Int8Array,
  uint8: Uint8Array,
};

/* Returns how many values of a part's golden vectors come out wrong: integers have to be equal,
 * floats within 1e-5 of the largest one. */
export async function check(name, options) {
  const { type, inputs, outputs } = VECTORS[name];
  const part = await model[type].load(options);
  const { input, output } = model[type].spec;
  const given = new KINDS[input.kind](decoded(inputs).buffer);
  const expected = new KINDS[output.kind](decoded(outputs).buffer);
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  const limit = output.kind === "float32" ? 1e-5 * largest : 0;
  let wrong = 0;
  for (let row = 0; row * input.size < given.length; row++) {
    const answer = part.run(given.subarray(row * input.size, (row + 1) * input.size));
    answer.forEach((value, index) => {
      const error = value - expected[row * output.size + index];
      wrong += error <= limit && error >= -limit ? 0 : 1;
    });
  }
  return { wrong, values: expected.length, part };
}
