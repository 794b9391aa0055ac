// Writes three.min.js of export/page: one classic script that defines THREE, with three's licence and no address of any
// host. Run here: npm install --no-package-lock && npm run build
import { readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const { version } = JSON.parse(readFileSync("node_modules/three/package.json", "utf8"));
const licence = readFileSync("node_modules/three/LICENSE", "utf8").trim();
const result = await build({
  entryPoints: ["three.js"],
  bundle: true,
  minify: true,
  format: "iife",
  globalName: "THREE",
  target: "es2022",
  charset: "ascii", // so that the page's encoding does not matter to it
  legalComments: "none",
  treeShaking: true,
  write: false,
});
const script = result.outputFiles[0].text
  // In an HTML document this makes the same element, and needs no namespace, which is an address.
  .replace(/document\.createElementNS\("[^"]*",/g, "document.createElement(")
  .replace(/https?:\/\/[^\s"'`)\\]*/g, "")
  .replace(/<\/script/gi, "<\\/script");
if (/https?:|createElementNS/.test(script)) throw new Error("an address is left in the script");
const target = "../src/actiongpt_core/export/page/three.min.js";
writeFileSync(target, `/*! three.js ${version}, the parts that player.js uses.\n\n${licence}\n*/\n${script}`);
