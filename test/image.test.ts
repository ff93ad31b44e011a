import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'
import { describe, it } from 'node:test'
import { parse } from 'yaml'

const text = (file: string) => readFileSync(file, 'utf8')

describe('the image', () => {
  it('has every file that the source reads from beside it', async () => {
    const files = await filesRead()
    assert.ok(files.includes('package.json') && files.includes('.env.example'))
    const missing = files.filter((file) => !isCopied(file) || !isSent(file))
    assert.deepEqual(missing, [])
  })

  it('runs as a numeric user that is not root, with a healthcheck, and shows its ops port outside', () => {
    const dockerfile = text('Dockerfile')
    assert.match(dockerfile, /^USER [1-9]\d*:[1-9]\d*$/m)
    assert.match(dockerfile, /^HEALTHCHECK /m)
    assert.match(dockerfile, /OPS_HOST=0\.0\.0\.0/)
  })

  it('holds the packages of production, their bill of materials, and no package manager', () => {
    const [packages = '', image = ''] = text('Dockerfile').split(/^(?=FROM )/m)
    assert.match(packages, /^RUN npm ci --omit=dev --omit=optional --ignore-scripts /m)
    assert.match(packages, /^RUN node scripts\/sbom\.ts$/m)
    assert.deepEqual(
      [...image.matchAll(/^COPY --from=packages (\S+)/gm)].map(([, from]) => from),
      ['/app/node_modules', '/app/sbom.cdx.json'],
    )
    const removed = (image.match(/rm -r?f (.+)/g) ?? []).join(' ')
    for (const name of ['npm', 'npx', 'corepack', 'yarn', 'yarnpkg', '/usr/local/lib/node_modules', '/opt/yarn-*'])
      assert.ok(removed.split(' ').includes(name), `${name} stays in the image`)
    assert.ok(image.indexOf('rm -rf') < image.indexOf('USER '), 'only root can remove them')
    assert.doesNotMatch(image, /apt-get|\bnpm (ci|install|run)\b|COPY (\S+ )*(test|bench|scripts)/)
  })

  it('has no simulator in it, which nothing that runs there needs', async () => {
    assert.match(text('.dockerignore'), /^src\/simulator$/m)
    const sources = (await readdir('src', { recursive: true })).filter(
      (file) => file.endsWith('.ts') && !file.startsWith('simulator'),
    )
    assert.deepEqual(
      sources.filter((file) => /from '.*simulator\//.test(text(join('src', file)))),
      [],
    )
  })
})

describe('docker-compose.yml', () => {
  const { services } = parse(text('docker-compose.yml'))

  it('publishes the webhook where it is told to, and the ops port on this host alone', () => {
    assert.deepEqual(services.portcullis.ports, [
      `\${WEBHOOK_BIND:-127.0.0.1}:\${WEBHOOK_PORT:-8085}:8080`,
      '127.0.0.1:8081:8081',
    ])
    const { PORT, OPS_PORT, OPS_HOST } = services.portcullis.environment
    assert.deepEqual({ PORT, OPS_PORT, OPS_HOST }, { PORT: '8080', OPS_PORT: '8081', OPS_HOST: '0.0.0.0' })
  })

  it('observes until it is told to enforce, on a read-only root', () => {
    assert.equal(services.portcullis.environment.MODE, `\${MODE:-observe}`)
    for (const name of ['portcullis', 'redis']) {
      assert.equal(services[name].read_only, true)
      assert.deepEqual(services[name].cap_drop, ['ALL'])
      assert.deepEqual(services[name].security_opt, ['no-new-privileges:true'])
    }
  })

  it('runs a Redis that keeps what it was given', () => {
    const command: string[] = services.redis.command
    assert.equal(command[command.indexOf('--appendonly') + 1], 'yes')
    assert.equal(command[command.indexOf('--maxmemory-policy') + 1], 'noeviction')
    assert.ok(services.redis.volumes.includes('redis:/data'))
  })
})

/** Files outside of src that a module names by its own place, or imports. */
async function filesRead(): Promise<string[]> {
  const sources = (await readdir('src', { recursive: true })).filter((file) => file.endsWith('.ts'))
  const named = sources.flatMap((file) => {
    const found = text(join('src', file)).matchAll(/(?:new URL\(|from )'(\.\.?\/[^']*)'/g)
    return [...found].map(([, path = '']) => normalize(join('src', dirname(file), path)))
  })
  return [...new Set(named)].filter((path) => !path.startsWith('src') && existsSync(path))
}

function isCopied(file: string): boolean {
  return [...text('Dockerfile').matchAll(/^COPY (?!--)(.+) \S+$/gm)].some(([, sources = '']) =>
    isAmong(file, sources.split(' ')),
  )
}

/** `.dockerignore` leaves out everything but what it excepts. */
function isSent(file: string): boolean {
  return isAmong(
    file,
    [...text('.dockerignore').matchAll(/^!(.+)$/gm)].map(([, path = '']) => path),
  )
}

function isAmong(file: string, paths: readonly string[]): boolean {
  return paths.some((path) => file === path || file.startsWith(`${path}/`))
}
