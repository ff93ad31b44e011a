import assert from 'node:assert/strict'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { describe, it, type TestContext } from 'node:test'
import { systemClock } from '../../src/adapters/clock.ts'
import { followPlaybooks, readPlaybooks } from '../../src/app-playbooks.ts'
import { readConfig } from '../../src/config.ts'
import { createEvents } from '../../src/events.ts'
import { createLog } from '../../src/log.ts'
import { createMetrics } from '../../src/metrics.ts'
import { createHealth } from '../../src/pipeline/health.ts'
import { blocking } from '../support/service-stage.ts'
import { SETTINGS } from '../support/settings.ts'
import { until } from '../support/stores-jobs.ts'

async function stage(t: TestContext) {
  const dir = await mkdtemp(join(tmpdir(), 'portcullis-playbooks-'))
  /** Whole at once: nobody sees it half-written. */
  const put = async (file: string, text: string) => {
    await writeFile(join(dir, `.${file}`), text)
    await rename(join(dir, `.${file}`), join(dir, file))
  }
  await put('90-block.yaml', blocking('1h'))
  const lines: string[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk))
      done()
    },
  })
  const log = createLog({ level: 'info', format: 'pretty', secrets: [], colour: false, stream })
  const events = createEvents({ log, metrics: createMetrics({ processMetrics: false }) })
  const health = createHealth({ clock: systemClock, events, onRecovered: () => undefined })
  const config = readConfig({
    ...SETTINGS,
    PLAYBOOKS_DIR: dir,
  })
  let names: string[] = []
  const follow = async () => {
    const initial = await readPlaybooks(config, events)
    names = initial.map(({ playbook }) => playbook.file)
    const watcher = followPlaybooks(config, {
      ...{ events, health, initial },
      onChange: (files) => {
        names = files.map(({ playbook }) => playbook.file)
      },
    })
    t.after(() => watcher.close())
  }
  t.after(() => rm(dir, { recursive: true }))
  const degraded = () => health.degraded().map(({ part, reason }) => `${part}: ${reason}`)
  return { dir, put, follow, degraded, names: () => names, said: () => lines.join('') }
}

describe('playbooks that change while the service runs', () => {
  it('stand in degraded while one is broken, with the place, and no longer once it is mended', async (t) => {
    const { put, follow, degraded, names, said } = await stage(t)
    await follow()
    await put('90-block.yaml', 'name: [')
    await until(() => degraded().length === 1)
    assert.match(degraded()[0] ?? '', /^playbooks: 90-block\.yaml:1:\d+: .+; what was before stays in force$/)
    assert.match(said(), /90-block\.yaml is broken; its last good version stays in force/)
    await put('90-block.yaml', blocking('2h'))
    await until(() => degraded().length === 0)
    assert.deepEqual(names(), ['90-block.yaml'])
  })

  it('say of a new file that is broken that it is not in force', async (t) => {
    const { dir, put, follow, degraded, said } = await stage(t)
    await follow()
    await put('05-new.yaml', 'name: x\n')
    await until(() => degraded().length === 1)
    assert.match(degraded()[0] ?? '', /^playbooks: 05-new\.yaml:1:1: .+ \(and \d more\); the file is not in force$/)
    assert.match(said(), /05-new\.yaml is broken, and is not in force/)
    await rm(join(dir, '05-new.yaml'))
    await until(() => degraded().length === 0)
  })

  it('stay as they were, and degraded, while one names a zone that nobody configured', async (t) => {
    const { put, follow, degraded, names } = await stage(t)
    await follow()
    await put('10-blog.yaml', blocking('1h').replace('duration: 1h', 'duration: 1h, zones: [blog]'))
    await until(() => degraded().length === 1)
    assert.match(degraded()[0] ?? '', /^playbooks: Playbooks name zones that CLOUDFLARE_ZONE_ID does not/)
    assert.deepEqual(names(), ['90-block.yaml'])
    await put('10-blog.yaml', blocking('1h').replace('duration: 1h', 'duration: 1h, zones: [shop]'))
    await until(() => degraded().length === 0)
    assert.deepEqual(names(), ['10-blog.yaml', '90-block.yaml'])
  })

  it('fail the start, by name, where one is broken then', async (t) => {
    const { put, follow } = await stage(t)
    await put('05-new.yaml', 'name: x\n')
    await assert.rejects(follow(), /^Error: 05-new\.yaml:1:1: version is missing/)
  })
})
