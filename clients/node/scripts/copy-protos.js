/**
 * @file Copies the protos the package ships from the repository's proto folder, where they are kept. A test compares them.
 */
import { copyFileSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

for (const proto of ["logger.proto", "logstream/v1/logs.proto"]) {
  const copy = fileURLToPath(new URL(`../proto/${proto}`, import.meta.url));
  mkdirSync(dirname(copy), { recursive: true });
  copyFileSync(new URL(`../../../proto/${proto}`, import.meta.url), copy);
}
