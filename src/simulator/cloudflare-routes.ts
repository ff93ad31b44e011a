import { randomBytes } from 'node:crypto'
import type { Rule } from '../ports.ts'
import { PHASE, Refused } from './cloudflare-rules.ts'
import type { SimulatedZone } from './cloudflare-zone.ts'
import type { Call } from './world-server.ts'

export const BASE = '/client/v4'
const IPS = {
  etag: '38f79d050aa027e3be3865e495dcc9bc',
  ipv4_cidrs:
    '173.245.48.0/20 103.21.244.0/22 103.22.200.0/22 103.31.4.0/22 141.101.64.0/18 108.162.192.0/18 190.93.240.0/20 188.114.96.0/20 197.234.240.0/22 198.41.128.0/17 162.158.0.0/15 104.16.0.0/13 104.24.0.0/14 172.64.0.0/13 131.0.72.0/22'.split(
      ' ',
    ),
  ipv6_cidrs:
    '2400:cb00::/32 2606:4700::/32 2803:f800::/32 2405:b500::/32 2405:8100::/32 2a06:98c0::/29 2c0f:f248::/32'.split(
      ' ',
    ),
}

export type Permission = 'waf-read' | 'waf-write' | 'zone-read' | 'lists-read' | 'lists-write'

interface Asked {
  readonly zones: readonly SimulatedZone[]
  /** null: a token that is missing or not known. */
  readonly permissions: readonly Permission[] | null
}

/** The `result` of the answer, undefined for an answer without a body; throws Refused. */
export function route(asked: Asked, call: Call): unknown {
  const path = call.path.startsWith(BASE) ? call.path.slice(BASE.length) : ''
  if (path === '/ips') return IPS
  if (path === '/user/tokens/verify') {
    if (!asked.permissions) throw new Refused(401, 1000, 'Invalid API Token')
    return { id: 'ed17574386854bf78a67040be0a770b0', status: 'active' }
  }
  const [, zoneId, rest] = /^\/zones\/([^/]+)(\/.*)?$/.exec(path) ?? []
  if (zoneId === undefined || !/^[0-9a-f]{32}$/.test(zoneId)) {
    if (zoneId === undefined) throw new Refused(400, 7000, 'No route for that URI')
    const text = `Could not route to ${path}, perhaps your object identifier is invalid?`
    throw new Refused(400, 7003, text)
  }
  if (!asked.permissions) throw new Refused(403, 9109, 'Invalid access token')
  const zone = asked.zones.find((each) => each.id === zoneId)
  if (!zone || zone.gone) throw new Refused(403, 9109, 'Unauthorized to access requested resource')
  if (rest === undefined) {
    need(asked, 'zone-read', 9109, 'Unauthorized to access requested resource')
    return { id: zone.id, name: zone.name, status: 'active', paused: false, type: 'full' }
  }
  need(asked, call.method === 'GET' ? 'waf-read' : 'waf-write', 10000, 'Authentication error')
  return rulesets(zone, rest, call)
}

export function need(asked: Pick<Asked, 'permissions'>, permission: Permission, code: number, message: string): void {
  const has = asked.permissions ?? []
  // Who may write may read.
  if (has.includes(permission) || has.includes(permission.replace('-read', '-write') as Permission)) return
  throw new Refused(403, code, message)
}

function rulesets(zone: SimulatedZone, rest: string, call: Call): unknown {
  const entry = `/rulesets/phases/${PHASE}/entrypoint`
  const at = `${call.method} `
  if (at + rest === 'GET /rulesets') return zone.rulesetId() ? [zone.render(zone.version(), { rules: false })] : []
  const byId = /^\/rulesets\/([0-9a-f]{32})(\/.*)?$/.exec(rest)
  if (byId && byId[1] !== zone.rulesetId()) throw new Refused(404, 10003, 'could not find ruleset')
  const under = rest.startsWith(entry) ? rest.slice(entry.length) : byId ? (byId[2] ?? '') : null
  if (under === null) throw new Refused(400, 7000, 'No route for that URI')
  const version = /^\/versions\/(\d+)$/.exec(under)?.[1]
  switch (at + under.replace(/^\/versions\/\d+$/, '/versions/:version').replace(/^\/rules\/.+$/, '/rules/:rule')) {
    case 'GET ':
      return current(zone)
    case 'PUT ':
      return put(zone, call, !byId)
    case 'DELETE ':
      return void zone.remove()
    case 'GET /versions':
      return zone.history().map((each) => zone.render(each.version, { rules: false }))
    case 'GET /versions/:version': {
      const found = zone.render(Number(version), { rules: true })
      if (!found) throw new Refused(404, 10003, `could not find version ${version} of the ruleset`)
      return found
    }
    case 'DELETE /versions/:version':
      return void zone.remove(Number(version))
    case 'POST /rules':
    case 'PATCH /rules/:rule':
    case 'DELETE /rules/:rule':
      return changeOne(zone, call, under.slice('/rules/'.length))
    default:
      throw new Refused(405, 10405, 'Method not allowed for this authentication scheme')
  }
}

function current(zone: SimulatedZone): unknown {
  const found = zone.render(zone.version(), { rules: true })
  if (!found) throw new Refused(404, 10003, `could not find entrypoint ruleset in the ${PHASE} phase`)
  return found
}

function put(zone: SimulatedZone, call: Call, byPhase: boolean): unknown {
  const body = parseBody(call.body)
  const allowed = ['rules', 'description', 'name']
  const unknown = Object.keys(body).find((key) => !allowed.includes(key))
  if (unknown !== undefined) throw new Refused(400, 20001, `invalid JSON: unknown field "${unknown}"`)
  if (!byPhase && body.rules === undefined) body.rules = zone.rules()
  const dryRun = call.query.get('dry_run') === 'true'
  zone.replace(body.rules ?? [], { dryRun, description: body.description })
  if (dryRun) return null
  zone.putTimes.push(Date.now())
  return current(zone)
}

/** POST, PATCH and DELETE of one rule, as people and other tools use them; answers the whole ruleset. */
function changeOne(zone: SimulatedZone, call: Call, ruleId: string): unknown {
  const rules = zone.rules()
  const index = rules.findIndex((rule) => rule.id === ruleId)
  if (call.method !== 'POST' && index < 0) throw new Refused(404, 10003, 'could not find rule')
  if (call.method === 'DELETE') {
    rules.splice(index, 1)
  } else {
    const { position, ...fields } = parseBody(call.body)
    const old = rules[index]
    // A PATCH replaces the whole rule; only `position` may come alone.
    const alone = old !== undefined && Object.keys(fields).length === 0
    const made: Rule = alone ? old : { ...fields, id: old?.id ?? randomBytes(16).toString('hex') }
    if (old) rules.splice(index, 1)
    rules.splice(place(rules, position, old ? index : rules.length), 0, made)
  }
  const dryRun = call.query.get('dry_run') === 'true'
  zone.replace(rules, { dryRun })
  return dryRun ? null : current(zone)
}

function place(rules: readonly Rule[], position: unknown, otherwise: number): number {
  if (typeof position !== 'object' || position === null) return otherwise
  const { before, after, index } = position as Record<string, unknown>
  if (typeof index === 'number') return Math.min(rules.length, Math.max(0, index - 1))
  if (before === '') return 0
  if (after === '') return rules.length
  const found = rules.findIndex((rule) => rule.id === (before ?? after))
  if (found < 0) throw new Refused(400, 20118, 'the position refers to a rule that does not exist', '/position')
  return before === undefined ? found + 1 : found
}

export function parseBody(text: string): Record<string, unknown> {
  try {
    const body: unknown = JSON.parse(text)
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Record<string, unknown>
  } catch {
    // Said below.
  }
  throw new Refused(400, 20001, 'invalid JSON: the request body is not a JSON object')
}
