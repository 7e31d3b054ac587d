/* The same records in SQLite (WAL, synchronous FULL) and LMDB (defaults): one transaction a group.
   usage: databases sqlite|lmdb PATH GROUP COUNT */
#include <lmdb.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void must(int ok, const char *what) {
  if (ok) return;
  fprintf(stderr, "databases: %s failed\n", what);
  exit(1);
}

static double run_sqlite(const char *path, long group, long count, const char *payload) {
  sqlite3 *db;
  sqlite3_stmt *insert, *remove;
  must(sqlite3_open(path, &db) == SQLITE_OK, "open");
  must(sqlite3_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                        "CREATE TABLE q(id INTEGER PRIMARY KEY, frame BLOB)", 0, 0, 0) == SQLITE_OK,
       "create");
  must(sqlite3_prepare_v2(db, "INSERT INTO q(frame) VALUES(?)", -1, &insert, 0) == SQLITE_OK, "prepare");
  must(sqlite3_prepare_v2(db, "DELETE FROM q WHERE id<=?", -1, &remove, 0) == SQLITE_OK, "prepare");
  double began = now();
  for (long c = 0; c < count; c++) {
    sqlite3_exec(db, "BEGIN", 0, 0, 0);
    sqlite3_bind_int64(remove, 1, c * group);
    sqlite3_step(remove);
    sqlite3_reset(remove);
    for (long i = 0; i < group; i++) {
      sqlite3_bind_blob(insert, 1, payload, 160, SQLITE_STATIC);
      must(sqlite3_step(insert) == SQLITE_DONE, "insert");
      sqlite3_reset(insert);
    }
    must(sqlite3_exec(db, "COMMIT", 0, 0, 0) == SQLITE_OK, "commit");
  }
  return now() - began;
}

static double run_lmdb(const char *path, long group, long count, const char *payload) {
  MDB_env *env;
  MDB_txn *txn;
  MDB_dbi dbi;
  mkdir(path, 0755);
  must(!mdb_env_create(&env) && !mdb_env_set_mapsize(env, 1UL << 30) &&
           !mdb_env_open(env, path, 0, 0644), "open");
  double began = now();
  uint64_t id = 0, first = 0;
  for (long c = 0; c < count; c++) {
    must(!mdb_txn_begin(env, 0, 0, &txn) &&
             !mdb_dbi_open(txn, 0, MDB_INTEGERKEY | MDB_CREATE, &dbi), "begin");
    for (; first < id; first++) {
      MDB_val key = {sizeof first, &first};
      must(!mdb_del(txn, dbi, &key, 0), "delete");
    }
    for (long i = 0; i < group; i++, id++) {
      MDB_val key = {sizeof id, &id}, value = {160, (void *)payload};
      must(!mdb_put(txn, dbi, &key, &value, MDB_APPEND), "put");
    }
    must(!mdb_txn_commit(txn), "commit");
  }
  return now() - began;
}

int main(int argc, char **argv) {
  if (argc != 5) return 64;
  char payload[160];
  memset(payload, 'a', sizeof payload);
  long group = atol(argv[3]), count = atol(argv[4]);
  double time = strcmp(argv[1], "sqlite") ? run_lmdb(argv[2], group, count, payload)
                                          : run_sqlite(argv[2], group, count, payload);
  printf("%s %ld records/s %ld\n", argv[1], group, (long)(group * count / time));
}
