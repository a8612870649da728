/** @file The protos this package ships are the repository's. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

for (const proto of ["logger.proto", "logstream/v1/logs.proto"]) {
  test(`${proto} is a copy of the repository's (npm run copy-protos)`, () => {
    const shipped = readFileSync(new URL(`../proto/${proto}`, import.meta.url), "utf8");
    assert.equal(shipped, readFileSync(new URL(`../../../proto/${proto}`, import.meta.url), "utf8"));
  });
}
