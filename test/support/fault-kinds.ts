import type { Fault } from '../../src/simulator/faults.ts'
import { SECRETS } from './fault-cell.ts'

/** An error page that shows the request, its credentials included. */
export function page(status: number): Fault {
  const body = `<html><h1>${status}</h1><pre>${Object.values(SECRETS).join('\n')}</pre></html>`
  return { kind: 'answer', status, body }
}

/** Cloudflare's own JSON for a failure, with this code; it repeats the token. */
export function refusal(status: number, code: number): Fault {
  const errors = [{ code, message: `Authentication error for ${SECRETS.cloudflare}` }]
  return { kind: 'answer', status, body: { result: null, success: false, errors, messages: [] } }
}

const wrongTypes = { success: true, result: { id: 'x', version: 'seven', rules: {}, operation_id: 7 } }

/** What may go wrong with a call, by its name in the matrices. */
export const ANYWHERE = {
  'a reset before the answer': { kind: 'reset' },
  'a reset in mid-answer': { kind: 'reset-in-answer' },
  'no answer at all': { kind: 'hang' },
  'an answer after 2 s': { kind: 'delay', ms: 2_000 },
  '429 with Retry-After: 2': { kind: 'rate-limit', retryAfter: 2 },
  '429 without Retry-After': { kind: 'rate-limit' },
  '500 with HTML': page(500),
  '502 with HTML': page(502),
  '503 with HTML': page(503),
  '520 with HTML': page(520),
  '200 with HTML': page(200),
  'JSON cut off half-way': { kind: 'truncated' },
  'a write whose answer is lost': { kind: 'lost' },
} as const satisfies Record<string, Fault>

export const AT_CLOUDFLARE = {
  ...ANYWHERE,
  '401': refusal(401, 10000),
  '403': refusal(403, 9109),
  '403 with HTML': page(403),
  '200 with success: false': refusal(200, 10013),
  'success: false for what was done': { kind: 'body', body: { success: false, result: null, errors: null } },
  'JSON of wrong types': { kind: 'body', body: wrongTypes },
} as const satisfies Record<string, Fault>

/** What Elasticsearch and Kibana say of a failure, in one body; it repeats their keys. */
function sorry(status: number, type: string): Fault {
  const message = `${type}: ${SECRETS.elastic}, ${SECRETS.kibana}`
  const body = { error: { type, reason: message }, status, statusCode: status, message }
  return { kind: 'answer', status, body, headers: { 'x-elastic-product': 'Elasticsearch' } }
}

/** The account of an update that did nothing. */
function undone(account: object): Fault {
  const body = {
    took: 3,
    timed_out: false,
    total: 1,
    updated: 0,
    noops: 0,
    version_conflicts: 0,
    failures: [],
    ...account,
  }
  return { kind: 'answer', status: 200, body, headers: { 'x-elastic-product': 'Elasticsearch' } }
}

const readOnly = { type: 'cluster_block_exception', reason: 'index [alerts] blocked: read-only, the disk is full' }

export const AT_ELASTIC = {
  ...ANYWHERE,
  '401': sorry(401, 'security_exception'),
  '403': sorry(403, 'security_exception'),
  '404': sorry(404, 'index_not_found_exception'),
  '200 with failures': undone({ failures: [{ index: 'alerts', id: 'x', cause: readOnly, status: 403 }] }),
  '200 with version conflicts': undone({ version_conflicts: 1 }),
  '200 that ran out of time': undone({ timed_out: true }),
  '200 from a part of the shards': {
    kind: 'body',
    body: { timed_out: false, _shards: { total: 2, successful: 1, failed: 1 }, hits: { hits: [] } },
  },
  'JSON of wrong types': { kind: 'body', body: { updated: 'all', total: null, failures: {}, hits: { hits: 'none' } } },
} as const satisfies Record<string, Fault>

export const ALL_CALLS = Number.POSITIVE_INFINITY
