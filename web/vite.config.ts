import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { compress } from "./build/compress.ts";
import { layers } from "./build/layers.ts";
import { shell } from "./build/shell.ts";
import { sizes } from "./build/sizes.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

// The server of `make run`; `npm run dev -w @pingme/web` serves the sources beside it and passes the rest on.
const server = process.env["PINGME_SERVER"] ?? "http://127.0.0.1:8080";
// scripts/check_web.py builds beside the committed files and compares.
const out = process.env["PINGME_WEB_OUT"] ?? here("../src/pingme/web/dist");

export default defineConfig({
  root: here("."),
  base: "/",
  resolve: {
    alias: { "@pingme/sdk": here("../sdk/ts/src/index.ts"), entities: here("src/text/no-entities.ts") },
  },
  plugins: [
    layers(here("src/styles/index.css")),
    shell(here("public")),
    sizes({ firstScripts: 70_000, firstStyles: 20_000, total: 200_000 }, here("public")),
    compress(out),
  ],
  build: {
    outDir: out,
    emptyOutDir: true,
    target: "es2023",
    assetsInlineLimit: 0, // a picture in a style sheet would be a data: address
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      input: { main: here("index.html"), sw: here("src/sw.ts") },
      output: {
        // Browsers ask for the worker by its name; everything else has its content's hash in its own.
        entryFileNames: (chunk) => (chunk.name === "sw" ? "sw.js" : "assets/[name]-[hash].js"),
        chunkFileNames: "assets/[name]-[hash].js",
        assetFileNames: "assets/[name]-[hash][extname]",
      },
    },
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
