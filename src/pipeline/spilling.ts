import { fold, foldedLimit, isNumbered, unfold } from '../core/spill.ts'
import { PermanentError, RetryLaterError } from '../errors.ts'
import type { Clock, Edge, Rule, Ruleset } from '../ports.ts'

// A zone's quota of rules is tried again after this long: somebody may have deleted one.
const QUOTA_MS = 3600_000

/** An edge at which our rule may be several (CLOUDFLARE_MAX_RULES), and is one to settle. */
export function spilling(edge: Edge, room: { limit: number; maxRules: number }, clock: Pick<Clock, 'now'>): Edge {
  let standing: readonly Rule[] = []
  let granted = { rules: room.maxRules, until: 0 }

  const roomNow = () => ({
    limit: room.limit,
    maxRules: clock.now().getTime() < granted.until ? Math.min(granted.rules, room.maxRules) : room.maxRules,
  })
  const seen = (ruleset: Ruleset): Ruleset => {
    standing = ruleset.rules
    return { ...ruleset, rules: fold(ruleset.rules) }
  }
  const sent = (rules: readonly Rule[]) => unfold(rules, standing, roomNow())

  return {
    ...edge,
    limit: () => foldedLimit(roomNow()),
    shown: (rules) => fold(sent(rules)),
    async read() {
      const ruleset = await edge.read()
      if (ruleset === null) standing = []
      return ruleset && seen(ruleset)
    },
    async version(version) {
      const ruleset = await edge.version(version)
      return ruleset && { ...ruleset, rules: fold(ruleset.rules) }
    },
    async write(rules) {
      const whole = sent(rules)
      try {
        return seen(await edge.write(whole))
      } catch (error) {
        if (isQuota(error) && whole.length > standing.length) {
          granted = { rules: grantedBy(error, standing), until: clock.now().getTime() + QUOTA_MS }
          throw new RetryLaterError(`the zone grants no more rules than it has: ${error.message}`, 1_000, {
            cause: error,
          })
        }
        throw error
      }
    },
    dryRun: (rules) => edge.dryRun(sent(rules)),
  }
}

/** `exceeded the maximum number of rules in the phase`: 50001, or another code for the same in some phases. */
function isQuota(error: unknown): error is PermanentError {
  return error instanceof PermanentError && /exceeded (the )?maximum number of/.test(error.message)
}

/** `…: 6 out of 5` tells the zone's quota; where it does not, we keep the rules that we have. */
function grantedBy({ message }: PermanentError, standing: readonly Rule[]): number {
  const ours = 1 + standing.filter(isNumbered).length
  const quota = /\d+ out of (\d+)/.exec(message)?.[1]
  return quota === undefined ? ours : Math.max(ours, Number(quota) - (standing.length - ours))
}
