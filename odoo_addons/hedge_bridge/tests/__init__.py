from . import test_create_and_post
