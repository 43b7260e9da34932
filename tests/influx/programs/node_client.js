// npm influx at work with one server; prints each check's name and what the client made of it.
//
// Finds the server and the account in PORT, ACCOUNT and PASSWORD, a time in seconds in BASE, the package
// through NODE_PATH.
'use strict';

const { InfluxDB, FieldType, Precision, escape } = require('influx');

const { PORT, ACCOUNT, PASSWORD } = process.env;
const BASE = Number(process.env.BASE);

function client(password = PASSWORD, database = ACCOUNT, more = {}) {
  return new InfluxDB({
    host: '127.0.0.1', port: Number(PORT), username: ACCOUNT, password, database,
    pool: { maxRetries: 0, requestTimeout: 20000 }, ...more,
  });
}

async function check(name, step) {
  let seen;
  try {
    seen = await step();
  } catch (failure) {
    // Its texts name the host, which is not the same for both servers.
    seen = `${failure.name}: ${failure.message}`.replaceAll(`127.0.0.1:${PORT}`, 'HOST');
  }
  console.log(`${name}\t${JSON.stringify(seen === undefined ? 'done' : seen)}`);
}

const points = [0, 1, 2, 3].map((n) => ({
  measurement: 'node', tags: { bike: n % 2 ? 'road' : 'mtb' },
  fields: { hr_bpm: 120.5 + n, n }, timestamp: new Date((BASE + n) * 1000),
}));
const schema = {
  schema: [{
    measurement: 'typed', tags: ['t'],
    fields: { f: FieldType.FLOAT, i: FieldType.INTEGER, b: FieldType.BOOLEAN, s: FieldType.STRING },
  }],
};
const plain = client();
const typed = client(PASSWORD, ACCOUNT, schema);
const rows = (found) => found.map((row) => ({ ...row, time: row.time && row.time.toNanoISOString() }));

async function main() {
  await check('ping', async () => (await plain.ping(5000)).map(({ online, version }) => ({
    online, version: /^1\.6\.7(~rc0)?$/.test(version),
  })));
  await check('writePoints', () => plain.writePoints(points));
  await check('writePoints, seconds', () => plain.writePoints(
    points.map((point) => ({ ...point, timestamp: BASE + 100 })), { precision: Precision.Seconds },
  ));
  await check('writePoints, the named policy', () => plain.writePoints(points, { retentionPolicy: 'livetracking' }));
  await check('writePoints, unknown policy', () => client().writePoints(points, { retentionPolicy: 'nope' }));
  await check('writeMeasurement', () => plain.writeMeasurement('one', [
    { fields: { f: 1.5 }, timestamp: new Date(BASE * 1000) },
  ]));
  await check('writePoints, a schema', () => typed.writePoints([{
    measurement: 'typed', tags: { t: 'a b,c=d' }, timestamp: new Date(BASE * 1000),
    fields: { f: 1, i: 2, b: true, s: 'say "é"\\' },
  }]));
  await check('writePoints, another type', () => plain.writePoints([{
    measurement: 'one', fields: { f: 'text' }, timestamp: new Date(BASE * 1000),
  }]));
  await check('writePoints, too old', () => plain.writePoints([{
    measurement: 'one', fields: { f: 1 }, timestamp: new Date(0),
  }]));
  await check('query', async () => rows(await plain.query('SELECT * FROM node')));
  await check('query, typed', async () => rows(await plain.query('SELECT * FROM typed')));
  await check('query, seconds', async () => rows(await plain.query('SELECT * FROM node', { precision: Precision.Seconds })));
  await check('query, grouped', async () => (await plain.query('SELECT MEAN(hr_bpm) FROM node GROUP BY bike')).groups()
    .map(({ tags, rows: of }) => ({ tags, mean: of.map((row) => row.mean) })));
  await check('query, several', async () => (await plain.query([
    'SELECT f FROM one', 'SELECT MAX(n) FROM node',
  ])).map(rows));
  await check('query, bound', async () => rows(await plain.query('SELECT n FROM node WHERE bike = $b AND n > $n', {
    placeholders: { b: 'road', n: 1 },
  })));
  await check('query, escaped', async () => rows(await plain.query(
    `SELECT * FROM ${escape.measurement('typed')} WHERE t = ${escape.stringLit('a b,c=d')}`,
  )));
  await check('query, nothing found', async () => rows(await plain.query('SELECT * FROM nothing')));
  await check('query, a syntax error', () => plain.query('SELECT FROM'));
  await check('query, an error that runs', () => plain.query('SELECT badfunc(f) FROM one'));
  await check('query, another database', () => plain.query('SELECT * FROM samples', { database: 'other' }));
  await check('queryRaw', () => plain.queryRaw('SELECT * FROM node', { precision: Precision.Nanoseconds }));
  await check('getDatabaseNames', () => plain.getDatabaseNames());
  await check('getMeasurements', () => plain.getMeasurements());
  await check('getSeries', () => plain.getSeries());
  await check('getSeries, of one', () => plain.getSeries({ measurement: 'node' }));
  await check('showRetentionPolicies', () => plain.showRetentionPolicies());
  await check('getUsers', () => plain.getUsers());
  await check('createDatabase', () => plain.createDatabase('mine'));
  await check('dropMeasurement', () => plain.dropMeasurement('one'));
  await check('wrong password, write', () => client('wrong horse').writePoints(points));
  await check('wrong password, query', () => client('wrong horse').query('SELECT * FROM node'));
  await check('unknown database, write', () => client(PASSWORD, 'nodb').writePoints(points));
}

main();
