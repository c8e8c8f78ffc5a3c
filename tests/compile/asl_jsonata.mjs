// A strict interpreter of state machines in JSONata, for tests: every expression is evaluated by the
// reference implementation of JSONata, and whatever Step Functions' documentation rules out is an
// error here: an unknown field, a variable that is not set or hides one further out, an expression
// without a value, a state that nothing leads to, a name used twice.

const FIELDS = {
  machine: ['Comment', 'QueryLanguage', 'StartAt', 'States'],
  branch: ['Comment', 'StartAt', 'States'],
  Task: ['Type', 'Comment', 'Resource', 'Arguments', 'Assign', 'Output', 'TimeoutSeconds', 'Retry',
    'Catch', 'Next', 'End'],
  Pass: ['Type', 'Comment', 'Assign', 'Output', 'Next', 'End'],
  Choice: ['Type', 'Comment', 'Choices', 'Default', 'Assign', 'Output'],
  Parallel: ['Type', 'Comment', 'Branches', 'Assign', 'Output', 'Next', 'End'],
  Succeed: ['Type', 'Comment', 'Output'],
  Fail: ['Type', 'Comment', 'Error', 'Cause'],
  retrier: ['ErrorEquals', 'IntervalSeconds', 'MaxAttempts', 'BackoffRate', 'MaxDelaySeconds',
    'JitterStrategy'],
  catcher: ['ErrorEquals', 'Output', 'Assign', 'Next'],
  choice: ['Condition', 'Assign', 'Next'],
};
// JSONata's own functions; Step Functions takes away $eval and adds $parse and a few more.
const FUNCTIONS = new Set(('abs append assert average base64decode base64encode boolean ceil clone ' +
  'contains count decodeUrl decodeUrlComponent distinct each encodeUrl encodeUrlComponent error ' +
  'exists filter floor formatBase formatInteger formatNumber fromMillis join keys length lookup ' +
  'lowercase map match max merge millis min not now number pad parse parseInteger partition power ' +
  'random range reduce replace reverse round shuffle sift single sort split spread sqrt string ' +
  'substring substringAfter substringBefore sum toMillis trim type uppercase uuid zip').split(' '));

export class StatesError extends Error {
  constructor(error, cause) {
    super(`${error}: ${cause}`);
    this.output = {Error: error, Cause: cause};
  }
}

export class InvalidDefinition extends Error {}

const invalid = (text) => { throw new InvalidDefinition(text); };
const copy = (value) => JSON.parse(JSON.stringify(value));

function only(object, kind, where) {
  for (const field of Object.keys(object)) {
    if (!FIELDS[kind].includes(field)) invalid(`${where}: ${kind} has no field ${field}`);
  }
}

export class Machine {
  constructor(jsonata, definition, handlers) {
    this.jsonata = jsonata;
    this.handlers = handlers;  // invoke(state, resource, arguments) -> result, or a StatesError
    this.definition = definition;
    this.names = new Set();
    this.compiled = new Map();
    only(definition, 'machine', 'the machine');
    if (definition.QueryLanguage !== 'JSONata') invalid('not a machine in JSONata');
    this.check(definition, 'the machine');
  }

  check(scope, where) {
    const reached = new Set();
    const queue = [scope.StartAt];
    while (queue.length > 0) {
      const name = queue.pop();
      if (reached.has(name)) continue;
      reached.add(name);
      const state = scope.States[name] ?? invalid(`${where}: there is no state "${name}"`);
      queue.push(...this.checkState(name, state));
    }
    for (const name of Object.keys(scope.States)) {
      if (!reached.has(name)) invalid(`nothing leads to the state "${name}"`);
    }
  }

  checkState(name, state) {
    if (name.length > 80) invalid(`"${name}" is longer than 80 characters`);
    if (this.names.has(name)) invalid(`two states have the name "${name}"`);
    this.names.add(name);
    only(state, state.Type, name);
    const next = [];
    if (state.Type === 'Choice') {
      for (const choice of state.Choices) {
        only(choice, 'choice', name);
        next.push(choice.Next);
      }
      next.push(state.Default);
    } else if (!['Succeed', 'Fail'].includes(state.Type)) {
      if (('Next' in state) === ('End' in state)) invalid(`${name}: Next or End, one of the two`);
      if ('Next' in state) next.push(state.Next);
    }
    for (const retrier of state.Retry ?? []) this.checkRetrier(name, retrier);
    for (const catcher of state.Catch ?? []) {
      only(catcher, 'catcher', name);
      next.push(catcher.Next);
    }
    if ('TimeoutSeconds' in state) this.positive(name, state.TimeoutSeconds);
    for (const branch of state.Branches ?? []) {
      only(branch, 'branch', name);
      this.check(branch, name);
    }
    return next;
  }

  positive(name, value) {
    if (!Number.isInteger(value) || value < 1) invalid(`${name}: ${value} is no positive integer`);
  }

  checkRetrier(name, retrier) {
    only(retrier, 'retrier', name);
    this.positive(name, retrier.IntervalSeconds);
    this.positive(name, retrier.MaxAttempts);
    if (retrier.BackoffRate < 1) invalid(`${name}: waits must not shrink`);
    if ('MaxDelaySeconds' in retrier) {
      this.positive(name, retrier.MaxDelaySeconds);
      if (retrier.MaxDelaySeconds <= retrier.IntervalSeconds) {
        invalid(`${name}: MaxDelaySeconds must be greater than IntervalSeconds`);
      }
    }
  }

  // {output} or {error, cause}
  async run(input) {
    try {
      const scope = {outer: null, variables: new Map()};
      return {output: await this.runScope(this.definition, copy(input), scope, copy(input))};
    } catch (error) {
      if (!(error instanceof StatesError)) throw error;
      return {error: error.output.Error, cause: error.output.Cause};
    }
  }

  async runScope(machine, input, scope, start) {
    let name = machine.StartAt;
    let data = input;
    for (;;) {
      const state = machine.States[name];
      const step = await this.runState(name, state, data, scope, start);
      data = step.output;
      if (step.next === undefined) return data;
      name = step.next;
    }
  }

  async runState(name, state, input, scope, start) {
    const states = {input, context: {Execution: {Input: start}, State: {Name: name}}};
    if (state.Type === 'Fail') {
      throw new StatesError(await this.value(state.Error, states, scope),
        await this.value(state.Cause, states, scope));
    }
    if (state.Type === 'Choice') return this.choose(state, states, scope);
    const attempts = (state.Retry ?? []).map(() => 0);
    for (;;) {
      try {
        const result = await this.perform(name, state, states, scope, start);
        if (result !== undefined) states.result = result;
        const output = 'Output' in state ? await this.value(state.Output, states, scope)
          : result === undefined ? input : result;
        await this.assign(state.Assign, states, scope);
        return {output, next: state.Next};
      } catch (error) {
        if (!(error instanceof StatesError)) throw error;
        const index = (state.Retry ?? []).findIndex((one) => matches(one, error));
        if (index >= 0 && attempts[index]++ < state.Retry[index].MaxAttempts) continue;
        const catcher = (state.Catch ?? []).find((one) => matches(one, error));
        if (catcher === undefined) throw error;
        const caught = {...states, errorOutput: error.output};
        const output = 'Output' in catcher ? await this.value(catcher.Output, caught, scope)
          : error.output;
        await this.assign(catcher.Assign, caught, scope);
        return {output, next: catcher.Next};
      }
    }
  }

  async choose(state, states, scope) {
    for (const choice of state.Choices) {
      const value = await this.value(choice.Condition, states, scope);
      if (typeof value !== 'boolean') throw new StatesError('States.QueryEvaluationError', 'no boolean');
      if (!value) continue;
      await this.assign(choice.Assign, states, scope);
      return {output: states.input, next: choice.Next};
    }
    return {output: states.input, next: state.Default};
  }

  async perform(name, state, states, scope, start) {
    if (state.Type === 'Task') {
      const given = await this.value(state.Arguments, states, scope);
      return copy(await this.handlers(name, state, given));
    }
    if (state.Type !== 'Parallel') return undefined;
    return Promise.all(state.Branches.map((branch) => this.runScope(
      branch, copy(states.input), {outer: scope, variables: new Map()}, start)));
  }

  async assign(assignment, states, scope) {
    if (assignment === undefined) return;
    const values = await this.value(assignment, states, scope);
    for (const [variable, value] of Object.entries(values)) {
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(variable) || variable === 'states') {
        invalid(`"${variable}" cannot be a variable`);
      }
      for (let outer = scope.outer; outer !== null; outer = outer.outer) {
        if (outer.variables.has(variable)) invalid(`$${variable} hides one further out`);
      }
      scope.variables.set(variable, value);
    }
  }

  // A template: JSON in which texts {% … %} are expressions.
  async value(template, states, scope) {
    if (typeof template === 'string') {
      if (!template.startsWith('{%') && !template.endsWith('%}')) return template;
      if (!/^\{% [^\n]+ %\}$/.test(template)) invalid(`no expression: ${template}`);
      return this.evaluate(template.slice(2, -2), states, scope);
    }
    if (Array.isArray(template)) {
      return Promise.all(template.map((item) => this.value(item, states, scope)));
    }
    if (template === null || typeof template !== 'object') return template;
    const result = {};
    for (const [key, item] of Object.entries(template)) {
      result[key] = await this.value(item, states, scope);
    }
    return result;
  }

  async evaluate(text, states, scope) {
    const bindings = {states: copy(states)};
    for (let one = scope; one !== null; one = one.outer) {
      for (const [name, value] of one.variables) bindings[name] ??= copy(value);
    }
    let expression = this.compiled.get(text);
    if (expression === undefined) {
      if (text.includes('%}')) invalid(`"%}" inside an expression: ${text}`);
      expression = this.jsonata(text);
      expression.names = namesOf(expression.ast());
      expression.registerFunction('parse', (json) => JSON.parse(json), '<s:x>');
      this.compiled.set(text, expression);
    }
    for (const name of expression.names) {
      if (!(name in bindings) && !FUNCTIONS.has(name)) invalid(`$${name} is not set: ${text}`);
    }
    let value;
    try {
      value = await expression.evaluate(undefined, bindings);
    } catch (error) {
      throw new StatesError('States.QueryEvaluationError',
        `The JSONata expression failed: ${error.message}`);
    }
    if (value === undefined || typeof value === 'function') {
      throw new StatesError('States.QueryEvaluationError',
        `The JSONata expression '${text}' returned nothing (undefined).`);
    }
    return copy(value);
  }
}

const matches = (one, error) => one.ErrorEquals.includes('States.ALL') ||
  one.ErrorEquals.includes(error.output.Error);

// The variables that an expression reads and does not set itself.
function namesOf(ast) {
  const read = new Set();
  const set = new Set();
  const visit = (node) => {
    if (node === null || typeof node !== 'object') return;
    if (node.type === 'variable') {
      if (node.value === '' || node.value === '$') invalid('$ and $$ mean nothing in a state machine');
      read.add(node.value);
    }
    if (node.type === 'bind') {
      set.add(node.lhs.value);
      visit(node.rhs);
      return;
    }
    for (const child of Object.values(node)) visit(child);
  };
  visit(ast);
  return [...read].filter((name) => !set.has(name));
}
