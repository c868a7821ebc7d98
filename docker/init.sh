#!/bin/bash
# Runs before every start of Airflow's parts, and may run again at any time: the database at the newest version, the
# one user's password as in .env.
set -euo pipefail
airflow db migrate
umask 077
python -c 'import json, os; print(json.dumps({"admin": os.environ["NIGHTJAR_ADMIN_PASSWORD"]}))' \
    > "${AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE}"
