import { readFileSync } from 'node:fs'
import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js'
import * as formats from './config-formats.ts'

/** One thing that is wrong with the environment: `name` `message`, as in "PORT" "must be a port (got "x")". */
export interface Problem {
  readonly name: string
  readonly message: string
}
export type Environment = Readonly<Record<string, string | undefined>>

interface Variable {
  readonly default?: string
  readonly must?: string
  readonly list?: boolean
  readonly writeOnly?: boolean
}

const schema = JSON.parse(readFileSync(new URL('../schemas/environment.schema.json', import.meta.url), 'utf8')) as {
  readonly properties: Readonly<Record<string, Variable>>
}
const validate = compile()

/** The names of all variables, in the order of the documentation. */
export const VARIABLES: readonly string[] = Object.keys(schema.properties)

/**
 * The text of each known variable: its own, else that in the file which `NAME_FILE` names, else the default. A value that
 * is wrong is a problem and is replaced by the default, where there is one.
 */
export function readVariables(
  env: Environment,
  readFile: (path: string) => string,
): { readonly values: ReadonlyMap<string, string>; readonly problems: readonly Problem[] } {
  const problems: Problem[] = []
  const given: Record<string, string> = {}
  for (const name of VARIABLES) {
    const text = ownOrFromFile(name, env, readFile, problems)
    if (text !== '') given[name] = text
  }
  validate(given)
  for (const error of validate.errors ?? []) {
    const problem = explain(error, given)
    // The unreadable file has been named already.
    if (problem && !problems.some(({ name }) => name === problem.name || name === `${problem.name}_FILE`))
      problems.push(problem)
  }
  const wrong = new Set(problems.map(({ name }) => name))
  const values = new Map(
    VARIABLES.flatMap((name) => {
      const value = wrong.has(name)
        ? schema.properties[name]?.default
        : (given[name] ?? schema.properties[name]?.default)
      return value === undefined ? [] : [[name, value] as const]
    }),
  )
  return { values, problems: problems.sort((a, b) => place(a) - place(b)) }
}

function ownOrFromFile(
  name: string,
  env: Environment,
  readFile: (path: string) => string,
  problems: Problem[],
): string {
  const own = env[name]?.trim() ?? ''
  const file = env[`${name}_FILE`]?.trim() ?? ''
  if (file === '') return own
  if (own !== '') {
    problems.push({ name, message: `is set twice: take out either ${name} or ${name}_FILE` })
    return own
  }
  try {
    const text = readFile(file)
      .replace(/^\uFEFF/, '')
      .trim()
    if (text === '') problems.push({ name: `${name}_FILE`, message: `names an empty file (${file})` })
    return schema.properties[name]?.list ? text.replaceAll(/^\s*#.*$/gm, '').trim() : text
  } catch (error) {
    problems.push({ name: `${name}_FILE`, message: `cannot be read: ${(error as Error).message}` })
    return ''
  }
}

function explain(error: ErrorObject, given: Readonly<Record<string, string>>): Problem | null {
  if (error.keyword === 'required') return { name: String(error.params.missingProperty), message: 'is required' }
  if (error.keyword === 'dependentRequired') {
    const { missingProperty, property } = error.params as Record<string, string>
    return { name: missingProperty ?? '', message: `is required, because ${property} is set` }
  }
  const name = error.instancePath.slice(1)
  const variable = schema.properties[name]
  return variable
    ? { name, message: `must ${variable.must ?? 'be different'}${got(variable, given[name] ?? '', given)}` }
    : null
}

function got(variable: Variable, text: string, given: Readonly<Record<string, string>>): string {
  // A URL may carry a password where none belongs, and lines of .env are easily mixed up.
  if (variable.writeOnly || /:\/\/.*@/.test(text) || isSecret(text, given)) return ''
  return ` (got ${JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)})`
}

// Shorter than any secret of ours; `on` and `1h` stand in many of them.
const SHORTEST = 6

function isSecret(text: string, given: Readonly<Record<string, string>>): boolean {
  const secrets = Object.entries(given).flatMap(([name, value]) =>
    schema.properties[name]?.writeOnly ? [value, ...formats.entriesOf(value).flatMap(withoutName)] : [],
  )
  const isIn = (part: string, whole: string) => part.length >= SHORTEST && whole.includes(part)
  const entries = [text, ...formats.entriesOf(text)]
  return secrets.some((secret) => isIn(secret, text) || entries.some((entry) => isIn(entry, secret)))
}

/** Of `alice=…` the part that is secret; of anything else nothing more. */
function withoutName(entry: string): string[] {
  const [, value] = /^[^=]{1,32}=(.+)$/s.exec(entry) ?? []
  return value === undefined ? [entry] : [entry, value]
}

function place({ name }: Problem): number {
  return VARIABLES.indexOf(VARIABLES.includes(name) ? name : name.replace(/_FILE$/, ''))
}

function compile() {
  const ajv = new Ajv2020({ allErrors: true, strict: true, strictRequired: false })
  ajv.addVocabulary(['must', 'list'])
  const add = (name: string, parse: (text: string) => unknown) =>
    ajv.addFormat(name, { type: 'string', validate: (text: string) => parse(text) !== undefined })
  add('port', formats.parsePort)
  add('count', formats.parseCount)
  add('expression-limit', formats.parseExpressionLimit)
  add('switch', formats.parseSwitch)
  add('size', formats.parseSize)
  add('duration', formats.parseLimitedDuration)
  add('duration-or-forever', formats.parseEndlessDuration)
  add('secret', formats.parseSecret)
  add('secrets', formats.parseSecrets)
  add('zones', formats.parseZones)
  add('id', formats.parseId)
  add('list-name', formats.parseListName)
  add('http-url', formats.parseHttpUrl)
  add('store', formats.parseStore)
  add('spaces', formats.parseSpaces)
  add('host', formats.parseHost)
  add('proxies', formats.parseProxies)
  add('allowlist', formats.parseAllowlist)
  add('targets', formats.parseTargets)
  add('line', formats.parseLine)
  add('interval', formats.parseInterval)
  add('rules', formats.parseRules)
  add('secret-url', formats.parseSecretUrl)
  add('template', formats.parseTemplate)
  return ajv.compile(schema as object)
}
