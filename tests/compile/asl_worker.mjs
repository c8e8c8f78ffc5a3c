// Runs state machines for differential_test.py: one request a line on standard input, one answer a
// line on standard output.
//
//   {"id", "check": DEFINITION} -> {"id", "problems": [...]}, asl-validator's opinion
//   {"id", "run": DEFINITION, "input", "url", "functions": {ARN: name}}
//     -> {"id", "output" | "error" and "cause", "attempts": {state: number}}
//
// Tasks call the functions of the server at `url`. JSONPath runs in aws-local-stepfunctions, JSONata
// in asl_jsonata.mjs.
import {createRequire} from 'node:module';
import readline from 'node:readline';
import http from 'node:http';
import {InvalidDefinition, Machine, StatesError} from './asl_jsonata.mjs';

// aws-local-stepfunctions wants Node 22 for this alone.
Promise.withResolvers ??= () => {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, {resolve, reject}));
  return parts;
};

const require = createRequire(process.argv[2] + '/node_modules/');
const jsonata = require('jsonata');
const validate = require('asl-validator');
const {StateMachine} = require('aws-local-stepfunctions');
const agent = new http.Agent({keepAlive: true, maxSockets: 16});

function post(url, body) {
  return new Promise((resolve, reject) => {
    const text = JSON.stringify(body);
    const request = http.request(url, {agent, method: 'POST', headers: {
      'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text)}}, (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('end', () => resolve(JSON.parse(Buffer.concat(parts).toString())));
    });
    request.on('error', reject);
    request.end(text);
  });
}

// What lambda:invoke gives, or a StatesError as Step Functions makes it of a function's error.
async function invoke(request, state, definition, given) {
  request.attempts[state] = (request.attempts[state] ?? 0) + 1;
  const name = request.functions[given.FunctionName];
  if (name === undefined) throw new InvalidDefinition(`no function ${given.FunctionName}`);
  const call = post(`${request.url}/v1/functions/${name}/invocations`, {input: given.Payload});
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new StatesError('States.Timeout', '')),
      definition.TimeoutSeconds * 1000);
  });
  const answer = await Promise.race([call, late]).finally(() => clearTimeout(timer));
  if (answer.status === 'succeeded') return {ExecutedVersion: '$LATEST', Payload: answer.output, StatusCode: 200};
  if (answer.status !== 'failed') throw new InvalidDefinition(JSON.stringify(answer));
  throw new StatesError(answer.error.type, JSON.stringify(
    {errorMessage: answer.error.message, errorType: answer.error.type, stackTrace: []}));
}

function* tasksOf(machine) {
  for (const [name, state] of Object.entries(machine.States)) {
    if (state.Type === 'Task') yield [name, state];
    for (const branch of state.Branches ?? []) yield* tasksOf(branch);
  }
}

async function runJsonPath(request) {
  const handlers = {};
  const pauses = {};
  for (const [name, state] of tasksOf(request.run)) {
    pauses[name] = 0;
    handlers[name] = async (given) => {
      try {
        return await invoke(request, name, state, given);
      } catch (error) {
        if (!(error instanceof StatesError)) throw error;
        throw Object.assign(new Error(error.output.Cause), {name: error.output.Error});
      }
    };
  }
  const machine = new StateMachine(request.run);
  const execution = machine.run(request.input,
    {overrides: {taskResourceLocalHandlers: handlers, retryIntervalOverrides: pauses}});
  try {
    return {output: await execution.result};
  } catch (error) {
    const cause = error.cause ?? error;
    return {error: cause.name, cause: cause.message};
  }
}

async function runJsonata(request) {
  const machine = new Machine(jsonata, request.run,
    (name, state, given) => invoke(request, name, state, given));
  return machine.run(request.input);
}

async function answer(request) {
  if ('check' in request) {
    const {isValid, errors} = validate(request.check);
    return {problems: isValid ? [] : errors.map((one) => JSON.stringify(one).slice(0, 2000))};
  }
  request.attempts = {};
  const run = request.run.QueryLanguage === 'JSONata' ? runJsonata : runJsonPath;
  try {
    return {...await run(request), attempts: request.attempts};
  } catch (error) {
    return {broken: String(error.stack ?? error)};
  }
}

const running = new Set();
for await (const line of readline.createInterface({input: process.stdin})) {
  const request = JSON.parse(line);
  const one = answer(request).then(
    (result) => process.stdout.write(JSON.stringify({id: request.id, ...result}) + '\n'));
  running.add(one);
  one.finally(() => running.delete(one));
}
await Promise.all(running);
process.exit(0);
