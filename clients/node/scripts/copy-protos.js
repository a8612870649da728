/**
 * @file Copies the protos that the package ships from the proto folder of the repository. A test compares them.
 */
import { copyFileSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

for (const proto of ["logger.proto", "logstream/v1/logs.proto"]) {
  const copy = fileURLToPath(new URL(`../proto/${proto}`, import.meta.url));
  mkdirSync(dirname(copy), { recursive: true });
  copyFileSync(new URL(`../../../proto/${proto}`, import.meta.url), copy);
}
