/** Build: what the client weighs, against what it may weigh. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Plugin } from "vite";

/** Compressed bytes; gzip, because browsers take Brotli over https only. */
export interface Budget {
  readonly firstScripts: number;
  readonly firstStyles: number;
  readonly total: number;
}

interface Weights {
  readonly firstScripts: number;
  readonly firstStyles: number;
  readonly total: number;
}

/**
 * The plugin: prints the sizes, and fails the build above the budget.
 *
 * @param publicFolder - whose files are copied into the build as they are.
 */
export function sizes(budget: Budget, publicFolder: string): Plugin {
  let found: Weights | undefined;
  return {
    name: "pingme-sizes",
    apply: "build",
    enforce: "post",
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        const gzipped = (name: string): number => {
          const file = bundle[name];
          if (!file) return 0;
          return gzipSync(file.type === "chunk" ? file.code : file.source, { level: 9 }).length;
        };
        const first = new Set<string>();
        const visit = (name: string): void => {
          const chunk = bundle[name];
          if (first.has(name) || chunk?.type !== "chunk") return;
          first.add(name);
          for (const css of chunk.viteMetadata?.importedCss ?? []) first.add(css);
          chunk.imports.forEach(visit);
        };
        for (const file of Object.values(bundle)) {
          if (file.type === "chunk" && file.isEntry && file.fileName !== "sw.js") visit(file.fileName);
        }
        const sum = (names: Iterable<string>): number =>
          [...names].reduce((total, name) => total + gzipped(name), 0);
        found = {
          firstScripts: sum([...first].filter((name) => name.endsWith(".js"))),
          firstStyles: sum([...first].filter((name) => name.endsWith(".css"))),
          // Pictures are compressed already.
          total: readdirSync(publicFolder).reduce(
            (total, name) => total + statSync(join(publicFolder, name)).size,
            sum(Object.keys(bundle)),
          ),
        };
      },
    },
    writeBundle() {
      if (!found) return;
      const over: string[] = [];
      for (const [name, bytes] of Object.entries(found) as [keyof Budget, number][]) {
        const line = `${name.padEnd(13)} ${kilobytes(bytes)} of ${kilobytes(budget[name])} (gzip)`;
        this.info(line);
        if (bytes > budget[name]) over.push(line);
      }
      if (over.length > 0) throw new Error(`larger than it may be: ${over.join("; ")}`);
    },
  };
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`;
}
