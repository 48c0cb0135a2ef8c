// SPDX-License-Identifier: AGPL-3.0-or-later
import { defineConfig } from "vite";

// The same sources give the same bytes: names without hashes, one script, one style sheet.
export default defineConfig({
  base: "./",
  build: {
    outDir: "../roomdet_client/viewer/page",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: false,
    license: { fileName: "licenses.txt" },
    rollupOptions: {
      output: {
        entryFileNames: "viewer.js",
        assetFileNames: "viewer[extname]",
        codeSplitting: false,
      },
    },
  },
  // `npm run dev` beside `roomdet view --port 8600`.
  server: {
    proxy: { "/api": { target: "http://127.0.0.1:8600", changeOrigin: true, headers: { Origin: "http://127.0.0.1:8600" } } },
  },
});
