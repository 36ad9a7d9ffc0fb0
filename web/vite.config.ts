import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

// The server of `make run`; `npm run dev -w @pingme/web` serves the sources beside it and passes the rest on.
const server = process.env["PINGME_SERVER"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  root: here("."),
  base: "/",
  resolve: { alias: { "@pingme/sdk": here("../sdk/ts/src/index.ts") } },
  build: {
    outDir: here("../src/pingme/web/dist"),
    emptyOutDir: true,
    target: "es2023",
    assetsInlineLimit: 0, // the content security policy knows no data: addresses
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: {
    proxy: {
      "/api": server,
      "/health": server,
      "/version": server,
      "/ws": { target: server, ws: true },
    },
  },
});
