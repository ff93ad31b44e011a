/** Whom the access logs of one kind name as `source.ip`: how many events of them all. */
export interface LoggedSources {
  /** As `traefik.access`. */
  readonly dataset: string
  readonly events: number
  readonly cloudflare: number
  readonly private: number
  readonly missing: number
}

/** Of less than this nobody need take notice: health checks come from inside. */
const SOME = { cloudflare: 0.01, private: 0.05, missing: 0.01 }

/** What an access log says of its sources, and how to mend it; `mend` null: it names clients. */
export function judgeSources(logged: LoggedSources): { readonly said: string; readonly mend: string | null } {
  const kinds = (['cloudflare', 'private', 'missing'] as const).map((kind) => ({
    kind,
    share: logged.events === 0 ? 0 : logged[kind] / logged.events,
  }))
  const said = kinds.map(({ kind, share }) => `${percent(share)} ${WORDS[kind]}`).join(', ')
  const found = kinds.filter(({ kind, share }) => share >= SOME[kind])
  if (found.length === 0) return { said, mend: null }
  const pipeline = `logs-${logged.dataset}@custom`
  return {
    said,
    mend:
      logged.dataset === 'traefik.access'
        ? `alerts on them can block nobody; the ingest pipeline ${pipeline} of docs/elastic.md ("The ingest pipeline") mends it`
        : `alerts on them can block nobody; let the server log the client that Cloudflare names, or mend it in the ingest pipeline ${pipeline}: docs/elastic.md ("The ingest pipeline")`,
  }
}

const WORDS = { cloudflare: 'Cloudflare edges', private: 'private', missing: 'missing' }

function percent(share: number): string {
  if (share === 0) return '0 %'
  return share < 0.001 ? 'under 0.1 %' : `${Number((share * 100).toFixed(share < 0.1 ? 1 : 0))} %`
}
