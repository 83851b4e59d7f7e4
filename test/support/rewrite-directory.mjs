// Replaces a directory over and over until it is killed: node rewrite-directory.mjs <out-dir.js> <directory>
import process from 'node:process'

const [module, directory] = process.argv.slice(2)
const { replaceDirectory } = await import(module)
const marker = '# Managed by netweir'

function filesOf(round) {
  const files = new Map()
  for (let index = 0; index < 20; index += 1) {
    files.set(`shop/${round % 2 === 0 ? 'even' : 'odd'}-${index}.yaml`, `${marker}\n${round}\n`)
  }
  files.set('kustomization.yaml', `${marker}\n${round}\n`)
  return files
}

for (let round = 0; ; round += 1) {
  await replaceDirectory(directory, filesOf(round))
  if (round === 0) process.stdout.write('ready\n')
}
