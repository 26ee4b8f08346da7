// Puts the reference's page and its viewer (swagger-ui-dist) into dist/, which the monitor function serves. Run by ./dev.
import { cp, mkdir, rm } from "node:fs/promises";

const folder = import.meta.dirname;
const viewer = `${folder}/../../../node_modules/swagger-ui-dist`;
await rm(`${folder}/dist`, { recursive: true, force: true });
await mkdir(`${folder}/dist`);
for (const file of ["index.html", "reference.css", "reference.js"]) await cp(`${folder}/${file}`, `${folder}/dist/${file}`);
for (const file of ["swagger-ui.css", "swagger-ui-bundle.js"]) await cp(`${viewer}/${file}`, `${folder}/dist/${file}`);
await cp(`${folder}/../dashboard/src/icon.svg`, `${folder}/dist/icon.svg`);
