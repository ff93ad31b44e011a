import { type Environment, VARIABLES } from './config-environment.ts'

const PREFIX = /^(CLOUDFLARE|ELASTIC|ELASTICSEARCH|KIBANA|PORTCULLIS|OPS|MAX_BANS|MAX_ALERT|CATCH_UP|NOTIFY|HEARTBEAT)_/
// Kubernetes and Docker links announce other services under such names.
const ANNOUNCED = /_(SERVICE_HOST|SERVICE_PORT|PORT)(_.*)?$/
// Read by the command line and by docker-compose.yml.
const OTHERS = /^(PORTCULLIS_(URL|TOKEN|IMAGE|VERSION)|WEBHOOK_(BIND|PORT))$/
const MIN_LENGTH = 8

/** Variables that look like ours and are not: probably typing errors, and silently without effect. One sentence each. */
export function configWarnings(env: Environment): string[] {
  const known = new Set(VARIABLES.flatMap((name) => [name, `${name}_FILE`]))
  return Object.keys(env)
    .filter((name) => !known.has(name) && !ANNOUNCED.test(name) && !OTHERS.test(name))
    .flatMap((name) => {
      const meant = nearest(name, known)
      if (meant) return [`${name} is not known and has no effect; did you mean ${meant}?`]
      return PREFIX.test(name) ? [`${name} is not known and has no effect`] : []
    })
    .sort()
}

function nearest(name: string, known: ReadonlySet<string>): string | null {
  const bare = name.replace(/^PORTCULLIS_/, '').toUpperCase()
  if (known.has(bare)) return bare
  const allowed = PREFIX.test(name) ? 3 : 2
  if (name.length < MIN_LENGTH) return null
  const [best] = [...known]
    .map((candidate) => ({ candidate, distance: distance(bare, candidate) }))
    .sort((a, b) => a.distance - b.distance)
  return best && best.distance <= allowed ? best.candidate : null
}

/** Levenshtein's: letters added, taken out or changed. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1]
    for (const [j, other] of [...b].entries())
      next.push(Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, (row[j] ?? 0) + (letter === other ? 0 : 1)))
    row = next
  }
  return row[b.length] ?? 0
}
