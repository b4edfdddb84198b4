/* `node --test` runs each part on the golden vectors, with SIMD128 and without. */
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { check, parts } from "../golden.js";

let passed = 0;

for (const name of parts) {
  for (const simd of [true, false]) {
    test(`${name}, ${simd ? "SIMD128" : "plain"}`, async () => {
      const { wrong, values } = await check(name, { simd });
      assert.equal(wrong, 0, `${name}: ${wrong} of ${values} values are wrong values`);
      passed += 1;
    });
  }
}

after(() => console.log(passed === 2 * parts.length ? "PASS" : "FAIL"));
