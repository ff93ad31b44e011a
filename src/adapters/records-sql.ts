import type { PgPool } from 'bullmq'
import { type Change, COLLECTIONS, type Collection, type Records, type Stored } from '../ports.ts'
import { mapInTurns, parseDoc, readId, writeId } from './records-format.ts'
import { shareReads } from './records-reads.ts'
import { checkSchema, inStore } from './store-attempt.ts'

/**
 * The ledger's records in a table of PostgreSQL or PGlite, made where it is missing. The pool stays its owner's.
 *
 * @throws StoreError when the tables were written by a newer Portcullis
 */
export async function openSqlRecords(pool: PgPool): Promise<Records> {
  await inStore('prepare', () => migrate(pool))

  async function rows(doing: string, text: string, params: readonly unknown[]): Promise<Row[]> {
    return inStore(doing, async () => (await pool.query<Row>(text, params)).rows)
  }

  const reads = new Map(
    COLLECTIONS.map((collection) => [
      collection,
      shareReads((ids) => rows(`read ${collection}`, GET, [collection, JSON.stringify(ids)])),
    ]),
  )

  return {
    async get<T>(collection: Collection, ids: readonly string[]) {
      if (ids.length === 0) return new Map<string, Stored<T>>()
      const found = (await reads.get(collection)?.(ids.map(writeId))) ?? []
      return new Map(found.map((row) => stored<T>(collection, row)).map((record) => [record.id, record]))
    },
    async all<T>(collection: Collection) {
      const found = await rows(`read ${collection}`, ALL, [collection])
      return mapInTurns(found, (row) => stored<T>(collection, row))
    },
    async count(collection) {
      const [row] = await inStore(`count ${collection}`, async () => (await pool.query(COUNT, [collection])).rows)
      return Number(row?.n ?? 0)
    },
    async recent<T>(collection: 'history', options: { before?: string; limit: number }) {
      const before = options.before === undefined ? null : writeId(options.before)
      const found = await rows(`read ${collection}`, RECENT, [collection, before, options.limit])
      return found.map((row) => stored<T>(collection, row))
    },
    async commit(change) {
      return inStore('write records', async () => {
        const { rows } = await pool.query<{ written: boolean }>(COMMIT, parameters(change))
        return rows[0]?.written === true
      })
    },
    async purge(now) {
      const [row] = await inStore('purge records', async () => (await pool.query(PURGE, [now.toISOString()])).rows)
      return Number(row?.n ?? 0)
    },
    async ping() {
      await inStore('answer', () => pool.query('SELECT 1 WHERE $1', [true]))
    },
    async close() {},
  }
}

interface Row {
  readonly id: string
  readonly rev: number | string
  readonly doc: string
}

function stored<T>(collection: Collection, row: Row): Stored<T> {
  const id = readId(row.id)
  return { id, rev: Number(row.rev), doc: parseDoc<T>(collection, id, row.doc) }
}

/** What `portcullis.write` takes: documents travel as text within JSON, for jsonb itself refuses NUL. */
function parameters(change: Change): string[] {
  const puts = new Map(
    (change.put ?? []).map(({ collection, id, doc, expires }) => [
      `${collection}/${id}`,
      { c: collection, i: writeId(id), d: JSON.stringify(doc), e: expires?.toISOString() ?? null },
    ]),
  )
  return [
    JSON.stringify((change.expect ?? []).map(({ collection, id, rev }) => ({ c: collection, i: writeId(id), r: rev }))),
    JSON.stringify((change.remove ?? []).map(({ collection, id }) => ({ c: collection, i: writeId(id) }))),
    JSON.stringify([...puts.values()]),
  ]
}

const SCHEMA = 1
/** Any number that is ours: the spelling `PORT` in ASCII. */
const LOCK = 0x504f5254

async function migrate(pool: PgPool): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    // CREATE … IF NOT EXISTS by two processes at the same moment fails in one of them.
    await client.query('SELECT pg_advisory_xact_lock($1, $2)', [LOCK, -1])
    await client.query(`
      CREATE SCHEMA IF NOT EXISTS portcullis;
      CREATE TABLE IF NOT EXISTS portcullis.meta (key text PRIMARY KEY, value text NOT NULL);`)
    const { rows } = await client.query(`SELECT value FROM portcullis.meta WHERE key = $1`, ['schema'])
    const found = Number(rows[0]?.value ?? 0)
    checkSchema(found, SCHEMA)
    await client.query(TABLES)
    await client.query(
      `INSERT INTO portcullis.meta VALUES ('schema', $1) ON CONFLICT (key) DO UPDATE SET value = $1 WHERE portcullis.meta.value <> $1`,
      [String(SCHEMA)],
    )
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  } finally {
    client.release()
  }
}

const TABLES = `
CREATE SEQUENCE IF NOT EXISTS portcullis.rev;
CREATE TABLE IF NOT EXISTS portcullis.records (
  collection text NOT NULL,
  id text COLLATE "C" NOT NULL,
  rev bigint NOT NULL,
  doc text NOT NULL,
  expires timestamptz,
  PRIMARY KEY (collection, id)
);
CREATE INDEX IF NOT EXISTS records_expires ON portcullis.records (expires) WHERE expires IS NOT NULL;
-- Row locks cannot hold an absence, so every key falls into one of 256 advisory locks, taken in order. The statements after
-- them see whatever the holder before committed (READ COMMITTED).
CREATE OR REPLACE FUNCTION portcullis.write(p_expect jsonb, p_remove jsonb, p_put jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  bucket integer;
BEGIN
  FOR bucket IN
    SELECT DISTINCT hashtext((k->>'c') || '/' || (k->>'i')) & 255 AS b FROM jsonb_array_elements(p_expect || p_remove || p_put) AS k ORDER BY b
  LOOP
    PERFORM pg_advisory_xact_lock(${LOCK}, bucket);
  END LOOP;
  IF EXISTS (
    SELECT 1 FROM jsonb_to_recordset(p_expect) AS e(c text, i text, r bigint)
    LEFT JOIN portcullis.records x ON x.collection = e.c AND x.id = e.i
    WHERE coalesce(x.rev, 0) <> e.r
  ) THEN
    RETURN false;
  END IF;
  DELETE FROM portcullis.records x USING jsonb_to_recordset(p_remove) AS d(c text, i text) WHERE x.collection = d.c AND x.id = d.i;
  INSERT INTO portcullis.records AS x (collection, id, rev, doc, expires)
    SELECT p.c, p.i, nextval('portcullis.rev'), p.d, p.e FROM jsonb_to_recordset(p_put) AS p(c text, i text, d text, e timestamptz)
    ON CONFLICT (collection, id) DO UPDATE SET rev = excluded.rev, doc = excluded.doc, expires = excluded.expires;
  RETURN true;
END
$$;`

// An array, for a join with the ids would read the whole collection.
const GET = `SELECT id, rev::float8 AS rev, doc FROM portcullis.records
  WHERE collection = $1 AND id = ANY (ARRAY(SELECT jsonb_array_elements_text($2::jsonb)))`
const ALL = `SELECT id, rev::float8 AS rev, doc FROM portcullis.records WHERE collection = $1 ORDER BY id`
const COUNT = `SELECT count(*)::float8 AS n FROM portcullis.records WHERE collection = $1`
const RECENT = `SELECT id, rev::float8 AS rev, doc FROM portcullis.records
  WHERE collection = $1 AND ($2::text IS NULL OR id < $2::text) ORDER BY id DESC LIMIT $3::int`
const COMMIT = `SELECT portcullis.write($1::jsonb, $2::jsonb, $3::jsonb) AS written`
const PURGE = `WITH gone AS (DELETE FROM portcullis.records WHERE expires <= $1::timestamptz RETURNING 1) SELECT count(*)::float8 AS n FROM gone`
