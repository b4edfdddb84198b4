/** $description. */

/**
 * Pixels of 0 to 255 in a Uint8Array or Uint8ClampedArray, if the model takes images; integers of
 * the model's own type in their typed array; or real numbers in any other array.
 */
export type Values = ArrayLike<number>;

export interface LoadOptions {
  /** Whether to use SIMD128; by default it is used where the engine has it. */
  simd?: boolean;
}

export interface Edge {
  kind: "float32" | "int16" | "int8" | "uint8";
  /** The number of values, and their shape. */
  size: number;
  shape: number[];
  /** real = scale × (integer − zeroPoint). */
  scale?: number;
  zeroPoint?: number;
  /** The statistics of the columns that the model standardises, in turn. */
  means?: number[];
  deviations?: number[];
  /** What the model takes for each byte of an image. */
  pixels?: number[];
}

export interface Spec {
  name: string;
  input: Edge;
  output: Edge;
  /** How the score takes the image; a score above the threshold of `edgeae detect` is an anomaly. */
  expected?: Edge;
  threshold?: number;
}
$types
