import type { Head } from '../core/account.ts'
import type { Base, EdgeState } from '../core/edge-state.ts'
import { findOwnRule } from '../core/own-rule.ts'
import { restOf } from '../core/rest.ts'
import { digestOf } from '../core/rules.ts'
import type { Edge } from '../ports.ts'

/**
 * Throws where what was read cannot be what Cloudflare holds: the next PUT would write it over everybody's rules. A version
 * never changes, so one that was not seen before, or reads otherwise than before, is asked for by its number, too.
 */
export async function refuseDoubtful(
  edge: Edge,
  state: EdgeState,
  head: Head,
  { description, now }: { readonly description: string; readonly now: Date },
): Promise<void> {
  const { base } = state
  if (base?.rulesetId === '') return head.rulesetId === '' ? undefined : refuseUnkept(edge, head)
  if (head.rulesetId === '') {
    // Who deletes a ruleset deletes all its versions. Where we never saw one, it would have begun with the first.
    const version = base?.version ?? 1
    if ((await edge.version(version)) === null) {
      if (!isJustMade(state, now)) return
      throw new Error(
        `Cloudflare answered that there are no rules in ${edge.name}, which we made a moment ago: tried again later`,
      )
    }
    throw new Error(
      `Cloudflare answered that there are no rules in ${edge.name}, and yet has their version ${version}: tried again later`,
    )
  }
  if (base === null) return refuseUnkept(edge, head)
  const before = `version ${base.version} that it showed before: tried again later`
  if (head.rulesetId !== base.rulesetId || head.version > base.version) return refuseUnkept(edge, head)
  // A read that lags behind our own writes would look as if a person had undone them.
  if (head.version < base.version) {
    if (isLongSince(state, now) && (await neverWas(edge, base, head))) return
    throw new Error(
      `Cloudflare answered with version ${head.version} of the rules of ${edge.name}, older than ${before}`,
    )
  }
  if (isAsBefore(base, head, description)) return
  const kept = await edge.version(head.version)
  // Where the answer to our PUT was the odd one out, both readings agree.
  if (kept === null || digestOf(kept.rules) === digestOf(head.rules)) return
  throw new Error(`Cloudflare answered with other rules of ${edge.name} than those of ${before}`)
}

/** Throws where Cloudflare shows this version otherwise when it is asked for it by its number; it need not keep any. */
export async function refuseUnkept(edge: Edge, { rulesetId, version, rules }: Head): Promise<void> {
  const kept = await edge.version(version)
  if (kept === null) return
  const what = `Cloudflare answered with version ${version} of the rules of ${edge.name}`
  // Others may have deleted all of it and begun anew between the two questions.
  if (kept.id !== rulesetId || kept.version !== version)
    throw new Error(`${what}, and with another one when it was asked for it by its number: tried again later`)
  if (digestOf(kept.rules) === digestOf(rules)) return
  // What reads the same twice is what it shows, though it shows old versions in another form.
  const again = await edge.read()
  if (again?.version !== version || digestOf(again.rules) !== digestOf(rules))
    throw new Error(`${what}, and otherwise when it was asked for it by its number: tried again later`)
}

/** Throws where the answer to a PUT shows no new version: as when no answer comes, a later reading tells whether it landed. */
export function refuseUnwritten(edge: string, head: Head, next: Head): void {
  if (next.rulesetId !== head.rulesetId || next.version > head.version) return
  throw new Error(
    `Cloudflare answered a write to ${edge} with version ${next.version}, which is no new one: tried again later`,
  )
}

// What lags behind does not keep the newer version either; it has caught up by then.
const CAUGHT_UP_MS = 2 * 60_000

/** Whether a PUT that found no ruleset was so lately that it need not be known everywhere. */
function isJustMade({ attempts }: EdgeState, now: Date): boolean {
  return attempts.some(({ read, at }) => read === 0 && now.getTime() - Date.parse(at) <= CAUGHT_UP_MS)
}

/** Whether all that we last saw or sent was so long ago that every server at Cloudflare has heard of it. */
function isLongSince({ lastPass, attempts }: EdgeState, now: Date): boolean {
  const times = [lastPass?.at ?? '', ...attempts.map(({ at }) => at)]
  return times.every((at) => at === '' || now.getTime() - Date.parse(at) > CAUGHT_UP_MS)
}

/** A number that was none, believed once, would make all real ones look old for ever: Cloudflare keeps these, and not that one. */
async function neverWas(edge: Edge, base: Base, head: Head): Promise<boolean> {
  if ((await edge.version(base.version)) !== null) return false
  const kept = await edge.version(head.version)
  return kept !== null && digestOf(kept.rules) === digestOf(head.rules)
}

function isAsBefore(base: Base, head: Head, description: string): boolean {
  const own = findOwnRule(head.rules, { remembered: base.rule, description })
  const terms = own.kind === 'present' ? own.terms : []
  const rest = restOf(head.rules, own)
  return (
    base.present === (own.kind === 'present') &&
    String(base.terms) === String(terms) &&
    base.rest.others === rest.others &&
    base.rest.own === rest.own
  )
}
