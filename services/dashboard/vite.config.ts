/** Builds the page into dist/. Every file except index.html has a hash in its name. */
import { gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

// `npm run dev` serves the sources and passes everything else on to a running stack.
const STACK = "http://127.0.0.1:3000";

/** Smaller files are not worth a compressed copy. */
const MIN_COMPRESSED_BYTES = 1024;

/** Adds to each file a copy compressed with gzip at the highest level, which nginx serves instead of compressing it for every reader. */
function compressed(): Plugin {
  return {
    name: "compressed",
    apply: "build",
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        for (const [fileName, file] of Object.entries(bundle)) {
          const content = Buffer.from(file.type === "chunk" ? file.code : file.source);
          if (content.length < MIN_COMPRESSED_BYTES || !/\.(js|css|svg)$/.test(fileName)) continue;
          this.emitFile({ type: "asset", fileName: `${fileName}.gz`, source: gzipSync(content, { level: 9 }) });
        }
      },
    },
  };
}

export default defineConfig({
  plugins: [react(), compressed()],
  build: {
    target: "es2023",
    // Inlined files would be data: addresses, which the content security policy forbids.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { "/api": STACK, "/stream": STACK, "/site.json": STACK } },
  test: { include: ["tests/**/*.test.ts"] },
});
