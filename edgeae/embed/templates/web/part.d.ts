
export declare class $name {
  private constructor();
  static readonly spec: Spec;
  static load(options?: LoadOptions): Promise<$name>;
  $method(values: Values, options?: { raw?: false }): Float32Array;
  $method(values: Values, options: { raw: true }): $output;$score
  /** The model as it is, raw values in and out. */
  run(input: $input): $output;
  quantize(values: Values): $input;
  dequantize(output: $output): Float32Array;
}
