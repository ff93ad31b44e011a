import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js'
import alertSchema from '../../schemas/alert.schema.json' with { type: 'json' }
import webhookSchema from '../../schemas/webhook.schema.json' with { type: 'json' }
import type { Payload } from '../core/payload.ts'
import type { Picked } from '../core/translate.ts'
import { Refusal } from './refusal.ts'

const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true, strictRequired: false })
const checkWebhook = ajv.compile(webhookSchema)
const checkAlert = ajv.compile(alertSchema)

/** What is wrong with single alerts of a body, by index; throws a Refusal for what is wrong with the body around them. */
export function webhookErrors(payload: Payload): Map<number, string[]> {
  const errors = new Map<number, string[]>()
  if (checkWebhook(payload)) return errors
  for (const error of checkWebhook.errors ?? []) {
    const [, list, index = '', ...rest] = error.instancePath.split('/')
    if (list !== 'alerts') throw new Refusal('invalid', 422, `In the body, ${rest.join('.')} ${error.message}.`)
    errors.set(Number(index), [error.message ?? 'is wrong'])
  }
  return errors
}

/** What is wrong with one alert, a line each, with the field's dotted name; empty: nothing. */
export function alertErrors(picked: Picked): string[] {
  if (checkAlert(picked)) return []
  const errors = checkAlert.errors ?? []
  if (errors.some(({ keyword }) => keyword === 'anyOf'))
    return ['neither _id nor kibana.alert.uuid says which alert this is']
  return errors.slice(0, 10).map(describe)
}

function describe({ instancePath, message = 'is wrong', params }: ErrorObject): string {
  const name = instancePath.slice(1).replaceAll('~1', '/')
  return params.pattern === undefined ? `${name} ${message}` : `${name} must not have control characters`
}
