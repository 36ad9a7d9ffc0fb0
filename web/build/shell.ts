/** Build: puts the list of files, and their hash, into the service worker. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

const WORKER = "sw.js";

/**
 * The plugin.
 *
 * @param publicFolder - whose files are copied into the build as they are.
 */
export function shell(publicFolder: string): Plugin {
  return {
    name: "pingme-shell",
    apply: "build",
    enforce: "post", // the page has its final form
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        const files = new Map<string, string | Uint8Array>();
        for (const [name, file] of Object.entries(bundle)) {
          if (name !== WORKER) files.set(name, file.type === "chunk" ? file.code : file.source);
        }
        for (const name of readdirSync(publicFolder)) files.set(name, readFileSync(join(publicFolder, name)));

        const names = [...files.keys()].sort();
        const hash = createHash("sha256");
        for (const name of names)
          hash
            .update(`${name}\0`)
            .update(files.get(name) ?? "")
            .update("\0");
        const paths = names.map((name) => (name === "index.html" ? "/" : `/${name}`));

        const worker = bundle[WORKER];
        if (worker?.type !== "chunk") throw new Error(`expected ${WORKER} in the build`);
        if (worker.imports.length > 0) throw new Error(`expected ${WORKER} to import nothing`);
        worker.code = worker.code
          .replaceAll("__PINGME_SHELL__", JSON.stringify(paths))
          .replaceAll("__PINGME_BUILD__", JSON.stringify(hash.digest("hex").slice(0, 16)));
      },
    },
  };
}
