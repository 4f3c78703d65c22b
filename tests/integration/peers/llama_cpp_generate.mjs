// Greedy generation by llama.cpp (node-llama-cpp), from a GGUF as it is.
//
// node llama_cpp_generate.mjs NODE_MODULES_FOLDER REQUESTS.json: requests are {gguf, prompt | ids, tokens};
// prints a JSON list of {prompt_ids, ids, text, template, eos}.
import {readFileSync} from "node:fs";
import {createRequire} from "node:module";
import {pathToFileURL} from "node:url";

const [modules, requestsFile] = process.argv.slice(2);
const require = createRequire(modules + "/");
const {getLlama, LlamaLogLevel} = await import(pathToFileURL(require.resolve("node-llama-cpp")).href);

const llama = await getLlama({build: "never", gpu: false, maxThreads: 2, logLevel: LlamaLogLevel.error});
const models = new Map();
const answers = [];
for (const request of JSON.parse(readFileSync(requestsFile, "utf8"))) {
  if (!models.has(request.gguf)) {
    for (const old of models.values()) await old.dispose();
    models.clear();
    models.set(request.gguf, await llama.loadModel({modelPath: request.gguf}));
  }
  const model = models.get(request.gguf);
  const promptIds = request.ids ?? Array.from(model.tokenize(request.prompt, true));
  const context = await model.createContext({contextSize: 512, threads: 2});
  const ids = [];
  for await (const token of context.getSequence().evaluate(promptIds, {temperature: 0})) {
    if (model.isEogToken(token)) break;
    ids.push(token);
    if (ids.length >= request.tokens) break;
  }
  await context.dispose();
  answers.push({prompt_ids: promptIds, ids, text: model.detokenize(ids),
                template: model.fileInfo.metadata.tokenizer?.chat_template ?? "",
                eos: model.tokens.eos});
}
process.stdout.write(JSON.stringify(answers));
process.exit(0);
