// Runs an AWS Lambda handler: the client side of the Lambda Runtime API, over a Unix socket.
//
// Node's own modules only, as few as a handler does without, for a short start-up. The request for
// the next event is sent together with the answer to the last one.
'use strict';
const fs = require('fs');
const net = require('net');
const path = require('path');
const { format } = require('util');
const { pathToFileURL } = require('url');

const API = '/2018-06-01/runtime';
const NEXT = `GET ${API}/invocation/next HTTP/1.1\r\nHost: runtime\r\n\r\n`;
const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming');
const HTTP_STREAM = 'application/vnd.awslambda.http-integration-response';
const ERROR_TYPE = 'Lambda-Runtime-Function-Error-Type';
const ERROR_BODY = 'Lambda-Runtime-Function-Error-Body';
const EXIT_UNCAUGHT = 129; // Lambda's
const EXIT_UNHANDLED = 128;

// ---- what a handler fails with ---------------------------------------------------------------

class RuntimeError extends Error {
  constructor(type, message) {
    super(message);
    this.name = type;
  }
}

// A header's value: visible ASCII only.
const asHeader = (text) => String(text).replace(/[^\x20-\x7e]/g, '?').slice(0, 256);

// Lambda's shape of an error; whatever was thrown, this does not throw.
function errorPayload(error) {
  let payload;
  try {
    if (error instanceof Error || Object.prototype.toString.call(error) === '[object Error]') {
      payload = {
        errorType: String(error.name),
        errorMessage: String(error.message),
        trace: String(error.stack).split('\n'),
      };
      if (error.name === 'Runtime.UnhandledPromiseRejection') {
        payload.reason = errorPayload(error.reason);
        payload.promise = {};
      }
    } else {
      payload = { errorType: typeof error, errorMessage: String(error), trace: [] };
    }
  } catch {
    payload = { errorType: 'handled', errorMessage: 'callback called with Error argument, but ' +
      'there was a problem while retrieving one or more of its message, name, and stack', trace: [] };
  }
  return payload;
}

// ---- the log ---------------------------------------------------------------------------------

let requestId; // of the invocation under way

function print(text) {
  let bytes = Buffer.from(text);
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(fs.writeSync(1, bytes));
    } catch (error) {
      if (error.code !== 'EAGAIN') return; // nobody reads: nothing to be done
    }
  }
}

function patchConsole() {
  const line = (level) => (...values) =>
    print(`${new Date().toISOString()}\t${requestId}\t${level}\t${format(...values)}\n`);
  console.log = line('INFO');
  console.info = line('INFO');
  console.warn = line('WARN');
  console.error = line('ERROR');
  console.debug = line('DEBUG');
  console.trace = (...values) => {
    const here = { name: 'Trace', message: format(...values) };
    Error.captureStackTrace(here, console.trace);
    line('TRACE')(here.stack);
  };
}

// ---- the Runtime API -------------------------------------------------------------------------

const post = (target, body, extra = '') =>
  `POST ${API}/${target} HTTP/1.1\r\nHost: runtime\r\n${extra}` +
  `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

const postError = (target, error) => {
  const payload = errorPayload(error);
  return post(target, JSON.stringify(payload), `${ERROR_TYPE}: ${asHeader(payload.errorType)}\r\n`);
};

// One keep-alive connection to the engine, which spells its headers always the same way.
class Connection {
  constructor(onResponse) {
    this.onResponse = onResponse;
    this.pieces = [];
    this.size = 0;
    this.wanted = 0; // bytes that make a whole response, once its head is known
    this.socket = net.createConnection(process.env.AE_RUNTIME_SOCKET);
    this.socket.on('data', (data) => this.read(data));
    this.socket.on('error', () => process.exit(0)); // this worker is no longer wanted
    this.socket.on('close', () => process.exit(0));
  }

  send(text) {
    this.socket.write(text);
  }

  read(data) {
    this.pieces.push(data);
    this.size += data.length;
    if (this.size < this.wanted) return;
    let all = this.pieces.length === 1 ? data : Buffer.concat(this.pieces);
    for (;;) {
      const end = all.indexOf('\r\n\r\n');
      if (end < 0) break;
      const head = parseHead(all.toString('latin1', 0, end));
      this.wanted = end + 4 + Number(head['content-length'] || 0);
      if (all.length < this.wanted) break;
      const body = all.toString('utf8', end + 4, this.wanted);
      all = all.subarray(this.wanted);
      this.wanted = 0;
      this.onResponse(head, body);
    }
    this.pieces = all.length > 0 ? [all] : [];
    this.size = all.length;
  }
}

function parseHead(text) {
  const lines = text.split('\r\n');
  const head = { status: lines[0].slice(9, 12) };
  for (let i = 1; i < lines.length; ++i) {
    const colon = lines[i].indexOf(':');
    head[lines[i].slice(0, colon).toLowerCase()] = lines[i].slice(colon + 2);
  }
  return head;
}

// ---- the handler's module --------------------------------------------------------------------

const isFile = (file) => fs.statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;

// Whether "type" of the nearest package.json makes a .js file an ES module.
function isModuleScope(folder, root) {
  for (;;) {
    const file = path.join(folder, 'package.json');
    if (isFile(file)) {
      try {
        return JSON.parse(fs.readFileSync(file, 'utf8')).type === 'module';
      } catch {
        return false;
      }
    }
    const parent = path.dirname(folder);
    if (folder === root || parent === folder) return false;
    folder = parent;
  }
}

// "dir/module.export.inner" -> [dir/module, export.inner]
function splitHandler(handler) {
  if (handler.includes('..')) {
    throw new RuntimeError('Runtime.MalformedHandlerName',
      `'${handler}' is not a valid handler name. Use absolute paths when specifying root ` +
      'directories in handler names.');
  }
  const base = path.basename(handler);
  const dot = base.indexOf('.');
  if (dot <= 0 || dot + 1 === base.length) {
    throw new RuntimeError('Runtime.MalformedHandlerName', `Bad handler '${handler}'`);
  }
  return [path.join(path.dirname(handler), base.slice(0, dot)), base.slice(dot + 1)];
}

async function loadModule(root, name) {
  const base = path.resolve(root, name);
  for (const extension of ['', '.js', '.mjs', '.cjs']) {
    const file = base + extension;
    if (!isFile(file)) continue;
    const isEs = extension === '.mjs' ||
      (extension === '.js' && isModuleScope(path.dirname(file), root));
    return isEs ? await import(pathToFileURL(file).href) : require(file);
  }
  return require(require.resolve(name, { paths: [root, path.dirname(base)] }));
}

async function loadHandler(root, handler) {
  const [name, exported] = splitHandler(handler);
  let found;
  try {
    found = await loadModule(root, name);
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw Object.assign(new RuntimeError('Runtime.UserCodeSyntaxError', String(error)),
        { stack: error.stack });
    }
    if (error?.code === 'MODULE_NOT_FOUND' || error?.code === 'ERR_MODULE_NOT_FOUND') {
      throw Object.assign(new RuntimeError('Runtime.ImportModuleError', String(error)),
        { stack: error.stack });
    }
    throw error;
  }
  for (const part of exported.split('.')) found = found?.[part] ?? found?.default?.[part];
  if (found === undefined) {
    throw new RuntimeError('Runtime.HandlerNotFound', `${handler} is undefined or not exported`);
  }
  if (typeof found !== 'function') {
    throw new RuntimeError('Runtime.HandlerNotFound', `${handler} is not a function`);
  }
  return found;
}

// ---- streamed responses ----------------------------------------------------------------------

function addStreaming() {
  const from = (stream, metadata) => {
    stream.setContentType(HTTP_STREAM);
    stream.prelude(JSON.stringify(metadata));
    return stream;
  };
  globalThis.awslambda = {
    streamifyResponse: (handler, options) => {
      handler[STREAMING] = 'response';
      if (options?.highWaterMark) handler.highWaterMark = options.highWaterMark;
      return handler;
    },
    HttpResponseStream: { from },
  };
}

// The second argument of a streaming handler: what is written goes out as chunks of a POST.
function makeResponseStream(connection, target, highWaterMark, onEnd) {
  const { Writable } = require('stream');
  let contentType = 'application/octet-stream';
  let begun = false;
  const begin = () => {
    if (begun) return;
    begun = true;
    connection.send(`POST ${API}/${target} HTTP/1.1\r\nHost: runtime\r\n` +
      `Content-Type: ${asHeader(contentType)}\r\n` +
      'Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n' +
      `Trailer: ${ERROR_TYPE}, ${ERROR_BODY}\r\n\r\n`);
  };
  const chunk = (data, done) => {
    begin();
    const bytes = Buffer.isBuffer(data) ? data : Buffer.from(data);
    if (bytes.length === 0) return done?.();
    connection.send(`${bytes.length.toString(16)}\r\n`);
    connection.socket.write(bytes);
    connection.socket.write('\r\n', done);
  };
  const stream = new Writable({
    highWaterMark,
    write: (data, encoding, done) => chunk(Buffer.isBuffer(data) ? data : Buffer.from(data, encoding), done),
    final: (done) => {
      begin();
      connection.send('0\r\n\r\n');
      done();
      onEnd();
    },
  });
  stream.setContentType = (type) => { contentType = type; };
  stream.prelude = (text) => chunk(Buffer.concat([Buffer.from(text), Buffer.alloc(8)]));
  stream.failed = (error) => { // false: nothing was sent, so the error can be posted as such
    if (!begun) return false;
    const payload = errorPayload(error);
    connection.send(`0\r\n${ERROR_TYPE}: ${asHeader(payload.errorType)}\r\n${ERROR_BODY}: ` +
      `${Buffer.from(JSON.stringify(payload)).toString('base64').slice(0, 60_000)}\r\n\r\n`);
    return true;
  };
  return stream;
}

// ---- one invocation --------------------------------------------------------------------------

function makeContext(head, finish) {
  const deadline = Number(head['lambda-runtime-deadline-ms'] || 0);
  const given = (name) => {
    try {
      return head[name] ? JSON.parse(Buffer.from(head[name], 'latin1').toString()) : undefined;
    } catch {
      return undefined; // it was written by whoever calls the function
    }
  };
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: given('lambda-runtime-client-context'),
    identity: given('lambda-runtime-cognito-identity'),
    invokedFunctionArn: head['lambda-runtime-invoked-function-arn'],
    awsRequestId: head['lambda-runtime-aws-request-id'],
    getRemainingTimeInMillis: () => deadline - Date.now(),
    done: (error, result) => finish(error, result, true),
    fail: (error) => finish(error ?? 'handled', undefined, true),
    succeed: (result) => finish(null, result, true),
  };
}

class Invocation {
  constructor(connection, head) {
    this.connection = connection;
    this.id = head['lambda-runtime-aws-request-id'];
    this.answered = false;
    this.result = null; // of a callback, kept until the event loop is empty
    this.called = false;
    this.stream = null;
    this.context = makeContext(head, (...given) => this.finish(...given));
  }

  // The answer and the wish for the next event in one write.
  answer(text) {
    if (this.answered) return;
    this.answered = true;
    this.connection.socket.ref();
    this.connection.send(text + NEXT);
  }

  succeed(result) {
    if (this.answered) return;
    let body;
    try {
      body = JSON.stringify(result === undefined ? null : result);
    } catch {
      return this.fail(new Error('Unable to stringify response body'));
    }
    this.answer(post(`invocation/${this.id}/response`, body === undefined ? 'null' : body,
      'Content-Type: application/json\r\n'));
  }

  fail(error) {
    if (this.answered) return;
    console.error('Invoke Error \t%s', JSON.stringify(errorPayload(error)));
    if (this.stream?.failed(error)) return this.answer('');
    this.answer(postError(`invocation/${this.id}/error`, error));
  }

  // The callback's way: a failure is answered at once, a result when nothing is left to do, unless
  // the handler does not want that.
  finish(error, result, ofContext) {
    if (this.called || this.answered) return;
    this.called = true;
    if (error !== undefined && error !== null) return this.fail(error);
    this.result = result;
    if (ofContext || !this.context.callbackWaitsForEmptyEventLoop) this.succeed(result);
  }

  onEmptyEventLoop() {
    if (this.stream !== null && !this.answered) {
      return this.fail(new RuntimeError('Runtime.NoResponse', 'the response stream was not ended'));
    }
    this.succeed(this.result);
  }

  run(handler, event) {
    this.connection.socket.unref(); // so that 'beforeExit' tells when the handler is through
    try {
      let returned;
      if (handler[STREAMING] === 'response') {
        this.stream = makeResponseStream(this.connection, `invocation/${this.id}/response`,
          handler.highWaterMark, () => this.answer(''));
        this.stream.on('error', (error) => this.fail(error));
        returned = handler(event, this.stream, this.context);
        if (typeof returned?.then === 'function') returned.then(undefined, (e) => this.fail(e));
        return;
      }
      returned = handler(event, this.context, (error, result) => this.finish(error, result));
      if (typeof returned?.then === 'function') {
        returned.then((result) => this.succeed(result), (error) => this.fail(error));
      }
    } catch (error) {
      this.fail(error);
    }
  }
}

async function main() {
  const root = process.env.LAMBDA_TASK_ROOT;
  let current = null;
  let handler;
  patchConsole();
  addStreaming();

  // Nobody caught it, so nobody knows in what state the process is: it ends, as on Lambda.
  const die = (label, error, code) => {
    console.error('%s \t%s', label, JSON.stringify(errorPayload(error)));
    const starting = handler === undefined;
    if (!starting && (current === null || current.answered)) process.exit(code);
    if (!starting) current.answered = true;
    const last = net.createConnection(process.env.AE_RUNTIME_SOCKET);
    last.on('data', () => process.exit(code));
    last.on('error', () => process.exit(code));
    last.write(postError(starting ? 'init/error' : `invocation/${current.id}/error`, error));
  };
  process.on('uncaughtException', (error) => die('Uncaught Exception', error, EXIT_UNCAUGHT));
  process.on('unhandledRejection', (reason, promise) => {
    const error = new RuntimeError('Runtime.UnhandledPromiseRejection', String(reason));
    error.reason = reason;
    error.promise = promise;
    die('Unhandled Promise Rejection', error, EXIT_UNHANDLED);
  });

  const connection = new Connection((head, body) => {
    if (head.status === '202') return;
    if (handler === undefined) process.exit(1); // the reply to our report that we cannot start
    if (head.status !== '200') return; // a refusal that the engine has already acted upon
    requestId = head['lambda-runtime-aws-request-id'];
    const trace = head['lambda-runtime-trace-id'];
    if (trace) process.env._X_AMZN_TRACE_ID = trace;
    current = new Invocation(connection, head);
    let event;
    try {
      event = JSON.parse(body);
    } catch (error) {
      return current.fail(error);
    }
    current.run(handler, event);
  });
  connection.socket.unref();
  try {
    handler = await loadHandler(root, process.env._HANDLER);
  } catch (error) {
    console.error('Uncaught Exception \t%s', JSON.stringify(errorPayload(error)));
    connection.onResponse = () => process.exit(1);
    connection.socket.ref();
    return connection.send(postError('init/error', error));
  }
  process.on('beforeExit', () => {
    if (current !== null && !current.answered) current.onEmptyEventLoop();
  });
  connection.socket.ref();
  connection.send(NEXT);
}

main();
