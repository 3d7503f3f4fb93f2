"""What holds for all tests: how long something takes is no reason to fail, a busy machine is still right."""

from hypothesis import HealthCheck, settings

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
