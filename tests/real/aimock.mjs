// Starts aimock on a free port: node aimock.mjs MODULE FIXTURES
import { pathToFileURL } from "node:url";

const [module, fixtures] = process.argv.slice(2);
const { LLMock } = await import(pathToFileURL(module).href);
const mock = new LLMock({ port: 0, host: "127.0.0.1" });
mock.loadFixtureFile(fixtures);
mock.onRerank("capital of France", [
  { index: 1, relevance_score: 0.98 },
  { index: 0, relevance_score: 0.11 },
]);
await mock.start();
console.log(`listening on ${mock.url}`);
