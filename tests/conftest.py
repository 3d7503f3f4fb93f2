"""What holds for all tests: English is spoken; how long something takes is no reason to fail, a busy machine is still right."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
os.environ["LC_ALL"] = "C.UTF-8"
