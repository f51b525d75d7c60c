<?php
// A page that asks every store, and keeps a copy of what it says for nginx.
$db = pg_connect('host=127.0.0.1 port=6432 dbname=office user=office');
pg_query($db, 'CREATE TABLE IF NOT EXISTS visits (at timestamptz)');
pg_query($db, 'INSERT INTO visits VALUES (now())');
$rows = pg_fetch_result(pg_query($db, 'SELECT count(*) FROM visits'), 0, 0);

$redis = new Redis();
$redis->connect('/run/redis/redis-server.sock');
$visits = $redis->incr('visits');

$memcached = new Memcached();
$memcached->addServer('127.0.0.1', 11211);
$memcached->set('page', "rows=$rows visits=$visits");
$page = $memcached->get('page') . "\n";

file_put_contents('/run/office/new', $page);
rename('/run/office/new', '/run/office/stats.html');
echo $page;
