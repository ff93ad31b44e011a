import { request } from 'undici'
import type { Config } from '../config.ts'
import { messageOf, RefusedError } from '../errors.ts'
import type { Budget } from '../ports.ts'
import { bad, type Finding, good, warn } from './check-finding.ts'
import { checkList, referenceFinding } from './check-list.ts'
import { checkRules } from './check-rules.ts'
import { type CloudflareZone, createCloudflareZone } from './cloudflare.ts'
import { createDispatcher } from './http-dispatcher.ts'
import { whyUnreachable } from './http-failure.ts'

/** A check makes a dozen calls: it need not wait behind the service's budget. */
const UNLIMITED: Budget = { take: async () => {}, close: async () => {} }

/** Reaches Cloudflare, compares clocks, and tries the token on each zone without changing anything. */
export async function* checkCloudflare(config: Config['cloudflare'], now: () => Date): AsyncGenerator<Finding> {
  const clock = await compareClocks(config.apiUrl, now)
  yield clock
  if (clock.level === 'bad' || config.apiToken === '') return
  const zones = config.zones.map((zone) =>
    createCloudflareZone({ apiUrl: config.apiUrl, token: config.apiToken, zone, budget: UNLIMITED }),
  )
  const findings: Finding[] = []
  for (const zone of zones) for await (const finding of checkZone(zone, config)) findings.push(finding)
  const works = findings.some(({ level, what }) => level === 'good' && what.startsWith('rule'))
  const [first] = zones
  if (first !== undefined) yield await checkToken(first, works)
  yield* findings
  yield* checkList(config, UNLIMITED)
}

// Ends of bans and ages of alerts are told by this machine's clock.
const MAX_SKEW_MS = 30_000

async function compareClocks(apiUrl: string, now: () => Date): Promise<Finding> {
  try {
    const before = now().getTime()
    // Any answer has the time; this one needs no token.
    const answer = await request(`${apiUrl}/ips`, {
      dispatcher: createDispatcher(apiUrl),
      signal: AbortSignal.timeout(10_000),
    })
    await answer.body.dump()
    const theirs = Date.parse(String(answer.headers.date ?? ''))
    if (Number.isNaN(theirs)) return good('cloudflare', 'is reached')
    const skew = (before + now().getTime()) / 2 - theirs
    if (Math.abs(skew) <= MAX_SKEW_MS) return good('cloudflare', 'is reached, and its clock agrees with ours')
    const seconds = Math.round(Math.abs(skew) / 1000)
    const how = `${seconds} s ${skew > 0 ? 'ahead of' : 'behind'} Cloudflare's`
    return warn('cloudflare', `is reached, but the clock here is ${how}: set it by NTP, bans end by it`)
  } catch (error) {
    return bad('cloudflare', `cannot be reached: ${whyUnreachable(error)}; look at CLOUDFLARE_API_URL and HTTPS_PROXY`)
  }
}

async function checkToken(zone: CloudflareZone, works: boolean): Promise<Finding> {
  try {
    await zone.verifyToken()
    return good('token', 'is active')
  } catch (error) {
    // Tokens owned by an account cannot be verified this way; what they may do says enough.
    return works ? good('token', 'works (of an account, it seems)') : bad('token', messageOf(error))
  }
}

async function* checkZone(zone: CloudflareZone, config: Config['cloudflare']): AsyncGenerator<Finding> {
  const what = `zone ${zone.name}`
  let ruleset: Awaited<ReturnType<CloudflareZone['read']>>
  try {
    ruleset = await zone.read()
  } catch (error) {
    const note = 'with CLOUDFLARE_MANAGE_RULE=off that is enough, but nobody sees whether a rule names the list'
    yield watches(config) && error instanceof RefusedError
      ? warn(what, `its rules cannot be seen: ${note}`)
      : bad(what, messageOf(error))
    return
  }
  const name = await zone.zoneName().catch(() => null)
  yield good(what, name === null ? 'is found' : `is ${name}`)
  if (watches(config)) {
    yield referenceFinding(`rule of ${zone.name}`, ruleset?.rules ?? [], config)
    return
  }
  try {
    await zone.dryRun(ruleset?.rules ?? [])
  } catch (error) {
    yield bad(what, `its rules cannot be written, as a dry run shows: ${messageOf(error)}`)
    return
  }
  yield* checkRules(zone, ruleset?.rules ?? [], config)
}

/** The rules are somebody else's, and only looked at. */
function watches({ target, manageRule }: Config['cloudflare']): boolean {
  return target === 'list' && !manageRule
}
