import { readFileSync } from 'node:fs'
import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js'
import type { PlaybookProblem } from '../core/playbook-read.ts'
import { missingFeature } from './yaml-playbook-elastic.ts'

export type ShapeProblem = PlaybookProblem & { readonly part: 'key' | 'value' }

const schema = JSON.parse(
  readFileSync(new URL('../../schemas/playbook.schema.json', import.meta.url), 'utf8'),
) as object
const ajv = new Ajv2020({ allErrors: true, discriminator: true, verbose: true, strict: true, allowUnionTypes: true })
const validate = ajv.compile(schema)

/** What keeps the data from being a playbook by `schemas/playbook.schema.json`, in words for its author. */
export function checkShape(data: unknown): ShapeProblem[] {
  if (validate(data)) return []
  const errors = validate.errors ?? []
  // A failed alternative reports each branch, and then itself: the branch that fits the value's kind says it best.
  const outer = errors.filter((error) => error.keyword === 'anyOf').map((error) => error.instancePath)
  const seen = new Set<string>()
  return errors
    .filter(
      (error) =>
        !isSaidByDiscriminator(error) &&
        error.keyword !== 'anyOf' &&
        !(outer.includes(error.instancePath) && isWrongKind(error)),
    )
    .concat(errors.filter((error) => error.keyword === 'anyOf' && !isExplained(error, errors)))
    .map((error) => explain(error, data))
    .filter((problem) => {
      const key = JSON.stringify(problem)
      return !seen.has(key) && seen.add(key)
    })
}

function isSaidByDiscriminator(error: ErrorObject): boolean {
  return (
    error.keyword === 'required' && /^\/steps\/\d+$/.test(error.instancePath) && error.params.missingProperty === 'type'
  )
}

function isWrongKind(error: ErrorObject): boolean {
  return error.keyword === 'type' || (error.keyword === 'enum' && Array.isArray(error.data))
}

function isExplained(error: ErrorObject, errors: readonly ErrorObject[]): boolean {
  return errors.some(
    (other) =>
      other !== error &&
      other.instancePath.startsWith(error.instancePath) &&
      other.keyword !== 'anyOf' &&
      !isWrongKindAt(other, error),
  )
}

function isWrongKindAt(other: ErrorObject, error: ErrorObject): boolean {
  return other.instancePath === error.instancePath && isWrongKind(other)
}

function explain(error: ErrorObject, data: unknown): ShapeProblem {
  const path = pathOf(error.instancePath, data)
  const last = path.at(-1) ?? 'the playbook'
  const name = typeof last === 'number' ? `${String(path.at(-2))}[${last}]` : last
  const value = shown(error.data)
  const at = (message: string, part: 'key' | 'value' = 'value'): ShapeProblem => ({ path, part, message })
  switch (error.keyword) {
    case 'additionalProperties': {
      const key = String(error.params.additionalProperty)
      return { path: [...path, key], part: 'key', message: unknownKey(key, path, error) }
    }
    case 'required':
      return at(
        `${String(error.params.missingProperty)} is missing${path.length > 0 ? ` in ${whole(path, error.data)}` : ''}`,
      )
    case 'discriminator':
      return stepType(error, path)
    case 'enum':
      return at(`${name} must be one of ${(error.params.allowedValues as unknown[]).join(', ')} (got ${value})`)
    case 'const':
      return at(constant(name, error))
    case 'type':
      return at(`${name} must be ${article(String(error.params.type))} (got ${value})`)
    case 'anyOf':
      return at(`${name} must be a text or a list of texts (got ${value})`)
    case 'minItems':
      return at(`${name} must not be empty`)
    case 'minLength':
      return at(`${name} must not be empty`)
    case 'pattern':
      return at(`${name} must begin with a letter and hold letters, digits, _ and - only (got ${value})`)
    default:
      return at(`${name} ${error.message ?? 'is not valid'} (got ${value})`)
  }
}

function constant(name: string, error: ErrorObject): string {
  if (name === 'version') return `version must be "1", in quotes (got ${shown(error.data)})`
  if (error.params.allowedValue === 'alert')
    return missingFeature('trigger', textOf(error.data)) ?? `the only trigger type is alert (got ${shown(error.data)})`
  return `${name} must be ${JSON.stringify(error.params.allowedValue)} (got ${shown(error.data)})`
}

const STEP_TYPES = 'cloudflare.block, security.setAlertStatus, http'

function stepType(error: ErrorObject, path: ShapeProblem['path']): ShapeProblem {
  const type: unknown = error.params.tagValue
  if (type === undefined)
    return { path, part: 'value', message: `type is missing in ${whole(path, error.data)}: one of ${STEP_TYPES}` }
  const elastic = missingFeature('step', textOf(type))
  return {
    path: [...path, 'type'],
    part: 'value',
    message: `${elastic ?? `unknown step type ${shown(type)}`}; step types are ${STEP_TYPES}`,
  }
}

function unknownKey(key: string, path: ShapeProblem['path'], error: ErrorObject): string {
  const allowed = Object.keys((error.parentSchema?.properties as object | undefined) ?? {}).join(', ')
  const elastic = missingFeature('key', key)
  return `${elastic ?? `unknown key ${JSON.stringify(key)}`}; ${whole(path, error.data)} may have ${allowed}`
}

/** What stands at this path, in words: `step 2 (notify)`, `with of step 2`, `trigger 1`, `the playbook`. */
function whole(path: ShapeProblem['path'], data: unknown): string {
  const [list, place, ...rest] = path
  if (list === undefined) return 'the playbook'
  if (place === undefined) return String(list)
  const name = rest.length === 0 ? (data as { name?: unknown } | null)?.name : undefined
  const item = `${list === 'steps' ? 'step' : 'trigger'} ${Number(place) + 1}${typeof name === 'string' ? ` (${name})` : ''}`
  return rest.length === 0 ? item : `${rest.join('.')} of ${item}`
}

function pathOf(pointer: string, data: unknown): (string | number)[] {
  let here = data
  return pointer
    .split('/')
    .slice(1)
    .map((part) => {
      const key = part.replaceAll('~1', '/').replaceAll('~0', '~')
      const step = Array.isArray(here) ? Number(key) : key
      here = (here as Record<string | number, unknown> | null | undefined)?.[step]
      return step
    })
}

/** '' for what is no text; an object from a file may have a `toString` that is none. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function article(type: string): string {
  if (type === 'object') return 'a set of keys and values'
  if (type === 'array') return 'a list'
  if (type === 'boolean') return 'true or false'
  return type === 'integer' ? 'a whole number' : 'a text'
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}
