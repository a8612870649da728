/** Builds the page into dist/, every file but index.html under a name that carries its hash. */
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// `npm run dev` serves the sources and hands everything else to a running stack.
const STACK = "http://127.0.0.1:3000";

export default defineConfig({
  plugins: [react()],
  build: {
    target: "es2023",
    // Inlined files would be data: addresses, which the content security policy refuses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { "/api": STACK, "/stream": STACK } },
  test: { include: ["tests/**/*.test.ts"] },
});
