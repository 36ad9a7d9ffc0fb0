/** Build: a Brotli and a gzip form beside each file that gets smaller by it; the server chooses. */
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import type { Plugin } from "vite";

const COMPRESSIBLE = /\.(?:html|js|css|svg|webmanifest|json)$/;
const WORTH = 0.9; // of the file: below a tenth saved, one form less is worth more

/** The plugin. The same input gives the same bytes: no names and no times are written. */
export function compress(folder: string): Plugin {
  return {
    name: "pingme-compress",
    apply: "build",
    enforce: "post",
    writeBundle: {
      order: "post",
      sequential: true,
      handler() {
        for (const path of filesBelow(folder).filter((each) => COMPRESSIBLE.test(each))) {
          const body = readFileSync(path);
          const brotli = brotliCompressSync(body, {
            params: {
              [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
              [constants.BROTLI_PARAM_SIZE_HINT]: body.length,
            },
          });
          const gzip = gzipSync(body, { level: 9 });
          if (brotli.length < body.length * WORTH) writeFileSync(`${path}.br`, brotli);
          if (gzip.length < body.length * WORTH) writeFileSync(`${path}.gz`, gzip);
        }
      },
    },
  };
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesBelow(path) : [path];
  });
}
