/* Loads the WebAssembly of module.js and calls it. Nothing here depends on the model. */
import { plain, simd } from "./module.js";

/* A module with one instruction of SIMD128: an engine without it calls the module invalid. */
const PROBE = Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15,
  253, 98, 11,
);

const KINDS = {
  float32: Float32Array,
  int16: Int16Array,
  int8: Int8Array,
  uint8: Uint8Array,
};
const LIMITS = { int16: [-32768, 32767], int8: [-128, 127], uint8: [0, 255] };

/* One instance for all parts: each call is over before another one begins. */
const instances = new Map();

function exportsOf(withSimd) {
  if (!instances.has(withSimd)) {
    const module = withSimd ? changed(decoded(plain), simd) : decoded(plain);
    instances.set(withSimd, WebAssembly.instantiate(module).then((made) => made.instance.exports));
  }
  return instances.get(withSimd);
}

/* Bytes that are made of new ones and of runs of old ones. */
function changed(old, pieces) {
  const parts = pieces.map((piece) =>
    typeof piece === "string" ? decoded(piece) : old.subarray(piece[0], piece[0] + piece[1]),
  );
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let place = 0;
  for (const part of parts) {
    bytes.set(part, place);
    place += part.length;
  }
  return bytes;
}

export function decoded(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) {
    bytes[index] = text.charCodeAt(index);
  }
  return bytes;
}

/* A part of the model. `spec` of its class says what it takes and gives. */
export class Part {
  #exports;
  #input;
  #output;

  constructor(exports) {
    const { name, input, output } = this.constructor.spec;
    const buffer = exports.memory.buffer;
    this.#exports = exports;
    this.#input = new KINDS[input.kind](buffer, exports[`${name}_input`](), input.size);
    this.#output = new KINDS[output.kind](buffer, exports[`${name}_output`](), output.size);
  }

  /* Makes the part ready; without `simd`, SIMD128 is used where the engine has it. */
  static async load({ simd = WebAssembly.validate(PROBE) } = {}) {
    return new this(await exportsOf(simd));
  }

  /* The model as it is: values of the input's own type in, those of the output's own type out. */
  run(input) {
    this.#input.set(sized(input, this.constructor.spec.input.size, "the input"));
    this.#exports[`${this.constructor.spec.name}_run`]();
    return this.#output.slice();
  }

  /* Turns pixels of 0 to 255 (a Uint8Array or Uint8ClampedArray) or real values into the input. */
  quantize(values) {
    return stored(values, this.constructor.spec.input, "the input");
  }

  /* Turns the output into real values. */
  dequantize(output) {
    const { size, scale = 1, zeroPoint = 0, means, deviations } = this.constructor.spec.output;
    const result = new Float32Array(sized(output, size, "the output").length);
    for (let index = 0; index < size; index++) {
      const real = Math.fround(scale * (output[index] - zeroPoint));
      const place = index % (means?.length ?? 1);
      result[index] = means ? Math.fround(real * deviations[place]) + means[place] : real;
    }
    return result;
  }

  compute(values, { raw = false } = {}) {
    const output = this.run(asInput(values, this.constructor.spec.input));
    return raw ? output : this.dequantize(output);
  }

  /* The sum of the squared errors of a reconstruction, in steps of the output's scale. */
  computeScore(values, image) {
    const { name, input, expected } = this.constructor.spec;
    this.#input.set(asInput(values, input));
    this.#output.set(stored(image, expected, "the image"));
    return this.#exports[`${name}_score`]();
  }
}

function sized(values, size, what) {
  if (values.length !== size) {
    throw new RangeError(`${what} has ${values.length} values; allowed are ${size}`);
  }
  return values;
}

function asInput(values, edge) {
  const own = edge.kind !== "float32" && values instanceof KINDS[edge.kind];
  return own && !isImage(values, edge)
    ? sized(values, edge.size, "the input")
    : stored(values, edge, "the input");
}

function isImage(values, edge) {
  return (
    edge.pixels !== undefined &&
    (values instanceof Uint8Array || values instanceof Uint8ClampedArray)
  );
}

/* Values as the edge stores them. Each step is rounded to float32, as the C does it. */
function stored(values, edge, what) {
  const { kind, size, pixels, scale, means, deviations } = edge;
  const result = new KINDS[kind](sized(values, size, what).length);
  const image = isImage(values, edge);
  for (let index = 0; index < size; index++) {
    if (image) {
      result[index] = pixels[values[index]];
      continue;
    }
    let real = Math.fround(values[index]);
    if (means) {
      const place = index % means.length;
      real = Math.fround(Math.fround(real - means[place]) / deviations[place]);
    }
    result[index] = scale === undefined ? real : quantized(real, edge);
  }
  return result;
}

/* The nearest integer, halves away from zero; NaN becomes the smallest. */
function quantized(real, { kind, scale, zeroPoint }) {
  const low = LIMITS[kind][0] - zeroPoint;
  const high = LIMITS[kind][1] - zeroPoint;
  let steps = Math.fround(real / scale);
  steps = steps > low ? steps : low;
  steps = steps < high ? steps : high;
  const whole = Math.trunc(steps);
  const rest = steps - whole;
  return whole + (rest >= 0.5 ? 1 : rest <= -0.5 ? -1 : 0) + zeroPoint;
}
