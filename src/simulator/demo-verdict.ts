import { parseExpression } from '../core/expression/parse.ts'
import type { Rule } from '../ports.ts'
import { BY_HAND, type Cast, CHANGED_BY_HAND } from './demo-cast.ts'
import type { Played, Stage } from './demo-scenes.ts'
import type { Seen } from './demo-story.ts'
import type { World } from './world.ts'

/** One thing that must be so, and whether it is, by what the simulated services know. */
export interface Check {
  readonly ok: boolean
  readonly text: string
}

/** All that must hold once the story is over; `before`: the rules before Portcullis came. */
export function examine({ world, cast, seen }: Stage, played: Played, before: readonly Rule[]): Check[] {
  const wanted = cast.all.flatMap(({ term }) => term ?? [])
  const should = new Set([...termsOf(ownRule(before)), ...wanted, BY_HAND])
  const is = new Set(termsOf(ownRule(world.zone.rules())))
  const check = (text: string, ok: boolean): Check => ({ ok, text })
  return [
    check(
      'all attackers stand in the rule',
      wanted.every((term) => is.has(term)),
    ),
    check(
      'so does all that people put in, also what came while we wrote',
      termsOf(ownRule(before)).every((term) => is.has(term)) && is.has(BY_HAND),
    ),
    check(
      'and nothing else: nobody is blocked who must not be',
      [...is].every((term) => should.has(term)),
    ),
    check('the rule’s place, id, action and switch are as they were', sameFrame(before, world.zone.rules())),
    ...compareForeign(world.zone.rules(), played.byHand.rules),
    check('the colleague’s edit was really written over, and came back', wasOverwritten(world, played)),
    check('every attacker’s alert is acknowledged, every other one is open', statusesAreRight(world, cast)),
    check('every alert carries the tag that says why', tagsAreRight(world, cast)),
    check('no alert was acknowledged before Cloudflare held its address', heldFirst(world, cast)),
    check('the repeated delivery was known, and each alert was handled once', handledOnce(world, cast, seen)),
    check(`after the 429 Cloudflare was left alone for ${played.retryAfter} s`, keptQuiet(world, played)),
  ]
}

/** Our rule among these. */
export function ownRule(rules: readonly Rule[]): Rule | undefined {
  return rules.find(isOwn)
}

export function termsOf(rule: Rule | undefined): string[] {
  return rule === undefined ? [] : parseExpression(String(rule.expression)).terms.map((term) => term.text)
}

function isOwn(rule: Rule): boolean {
  return rule.description === 'webserver scanning block'
}

/** Foreign rules, as text against text. Where a rule was written over for a moment, Cloudflare counts its versions itself. */
function compareForeign(now: readonly Rule[], wanted: readonly Rule[]): Check[] {
  const [is, should] = [now.filter((rule) => !isOwn(rule)), wanted.filter((rule) => !isOwn(rule))]
  const checks = should.map((rule, index) => {
    const text = bytesOf(rule)
    const how = rule.description === CHANGED_BY_HAND ? ', as the colleague left it' : ''
    return {
      ok: bytesOf(is[index]) === text,
      text: `foreign rule “${rule.description}”: the same ${Buffer.byteLength(text)} bytes${how}`,
    }
  })
  return is.length === should.length ? checks : [...checks, { ok: false, text: 'no foreign rule was added or lost' }]
}

function bytesOf(rule: Rule | undefined): string {
  if (rule?.description !== CHANGED_BY_HAND) return JSON.stringify(rule) ?? ''
  const { version: _v, last_updated: _l, ...rest } = rule
  return JSON.stringify(rest)
}

function sameFrame(before: readonly Rule[], now: readonly Rule[]): boolean {
  const frame = (rules: readonly Rule[]) => {
    const rule = ownRule(rules)
    return JSON.stringify([rules.findIndex(isOwn), rule?.id, rule?.ref, rule?.action, rule?.enabled])
  }
  return frame(before) === frame(now)
}

/** The version after the colleague's lacks what he did; the newest has it. */
function wasOverwritten({ zone }: World, { byHand }: Played): boolean {
  const hasEdit = (rules: readonly Rule[] | undefined) =>
    rules?.find((rule) => rule.description === CHANGED_BY_HAND)?.enabled === true &&
    termsOf(ownRule(rules)).includes(BY_HAND)
  const next = zone.history().find(({ version }) => version === byHand.version + 1)
  return next !== undefined && !hasEdit(next.rules) && hasEdit(zone.rules())
}

function statusesAreRight({ alerts }: World, cast: Cast): boolean {
  return cast.all.every(({ id, term }) => alerts.status(id) === (term === null ? 'open' : 'acknowledged'))
}

function tagsAreRight({ alerts }: World, cast: Cast): boolean {
  return cast.all.every(({ id, outcome }) => alerts.tags(id).join() === `portcullis:${outcome}`)
}

function heldFirst({ alerts, zone }: World, cast: Cast): boolean {
  return alerts.changes.every(({ id, at }) => {
    const term = cast.all.find((part) => part.id === id)?.term
    const then = zone.history().findLast(({ version }) => madeAt(zone.render(version, { rules: false })) <= at)
    return typeof term === 'string' && termsOf(ownRule(then?.rules ?? [])).includes(term)
  })
}

function madeAt(version: Record<string, unknown> | null): number {
  return Date.parse(String(version?.last_updated))
}

function handledOnce({ alerts }: World, cast: Cast, { concluded, duplicates }: Seen): boolean {
  const changedOnce = new Set(alerts.changes.map(({ id }) => id)).size === alerts.changes.length
  return changedOnce && duplicates === 1 && cast.all.every(({ id }) => concluded.get(id)?.length === 1)
}

function keptQuiet({ cloudflare }: World, { retryAfter }: Played): boolean {
  const refused = cloudflare.calls.filter(({ status }) => status === 429)
  const [first] = refused
  if (first === undefined || refused.length > 1) return false
  return cloudflare.calls.every(({ at }) => at <= first.at || at >= first.at + retryAfter * 1000)
}
