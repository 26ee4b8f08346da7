// Bundles the dashboard into dist/, which the monitor function serves. Run by ./dev, or: node build.mjs
import { build } from "esbuild";
import { cp, readFile, readdir, rm } from "node:fs/promises";
import { gzipSync } from "node:zlib";

const FIRST_LOAD_LIMIT = 150_000; // bytes, gzipped

const folder = import.meta.dirname;
await rm(`${folder}/dist`, { recursive: true, force: true });
await build({
  absWorkingDir: folder,
  entryPoints: ["src/app.tsx", "src/page.css"],
  outdir: "dist",
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  logLevel: "warning",
});
for (const file of ["index.html", "icon.svg"]) await cp(`${folder}/src/${file}`, `${folder}/dist/${file}`);

const files = await readdir(`${folder}/dist`);
const sizes = await Promise.all(files.map(async (file) => gzipSync(await readFile(`${folder}/dist/${file}`)).length));
const total = sizes.reduce((sum, size) => sum + size);
if (total > FIRST_LOAD_LIMIT) throw new Error(`The page's first load is ${total} bytes gzipped; the limit is ${FIRST_LOAD_LIMIT}.`);
console.error(`The dashboard is built: ${(total / 1000).toFixed(1)} kB gzipped.`);
