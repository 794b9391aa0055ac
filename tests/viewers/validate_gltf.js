// Prints the report of the Khronos glTF validator on a file: node validate_gltf.js FILE. It is found by NODE_PATH.
const { readFileSync } = require("fs");
const validator = require("gltf-validator");

validator
  .validateBytes(new Uint8Array(readFileSync(process.argv[2])))
  .then((report) => console.log(JSON.stringify(report)));
