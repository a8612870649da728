/** Builds the page into dist/, every file but index.html under a name that carries its hash. */
import { gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

// `npm run dev` serves the sources and hands everything else to a running stack.
const STACK = "http://127.0.0.1:3000";

/** A smaller one is not worth another file. */
const MIN_PACKED_BYTES = 1024;

/** Beside each file, the same packed as well as gzip can: nginx hands it out instead of packing it for every reader. */
function packed(): Plugin {
  return {
    name: "packed",
    apply: "build",
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        for (const [fileName, file] of Object.entries(bundle)) {
          const content = Buffer.from(file.type === "chunk" ? file.code : file.source);
          if (content.length < MIN_PACKED_BYTES || !/\.(js|css|svg)$/.test(fileName)) continue;
          this.emitFile({ type: "asset", fileName: `${fileName}.gz`, source: gzipSync(content, { level: 9 }) });
        }
      },
    },
  };
}

export default defineConfig({
  plugins: [react(), packed()],
  build: {
    target: "es2023",
    // Inlined files would be data: addresses, which the content security policy refuses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { "/api": STACK, "/stream": STACK, "/site.json": STACK } },
  test: { include: ["tests/**/*.test.ts"] },
});
